"""What a Kafka consumer owes to other threads, without a broker."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from onex.bus.kafka import KafkaConfig
from onex.bus.kafka import consumer as module
from onex.bus.kafka.consumer import ErrorSink, KafkaConsumer
from onex.bus.protocols import Partition, Position
from onex.model.errors import BusUnavailableError


def test_a_commit_that_nobody_serves_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SERVED_WITHIN", 0.05)
    consumer = KafkaConsumer(KafkaConfig("127.0.0.1:1"), "g", (), None, ErrorSink())
    with ThreadPoolExecutor(1) as other:
        done = other.submit(consumer.commit, {Partition("t", 0): Position(1)})
        with pytest.raises(BusUnavailableError, match="not committed within"):
            done.result(10)
    consumer.close()
