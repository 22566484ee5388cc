"""What a Kafka consumer owes to other threads, without a broker."""

import ctypes
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from confluent_kafka import KafkaError, TopicPartition

from onex.bus.kafka import KafkaConfig
from onex.bus.kafka import consumer as module
from onex.bus.kafka.consumer import ErrorSink, KafkaConsumer
from onex.bus.protocols import Partition, Position
from onex.errors import BusUnavailableError


def test_a_commit_that_nobody_serves_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SERVED_WITHIN", 0.05)
    consumer = KafkaConsumer(KafkaConfig("127.0.0.1:1"), "g", (), None, ErrorSink())
    with ThreadPoolExecutor(1) as other:
        done = other.submit(consumer.commit, {Partition("t", 0): Position(1)})
        with pytest.raises(BusUnavailableError, match="not committed within"):
            done.result(10)
    consumer.close()


class GivenMoreAtTheEnd:
    """A client to which a partition is assigned while it leaves its group. It fails every later call."""

    def __init__(self, _: object) -> None:
        self.taken: list[TopicPartition] = []
        self.left: list[TopicPartition] = []

    def subscribe(
        self, _: Sequence[str], on_assign: Callable[..., None], on_revoke: Callable[..., None], on_lost: object
    ) -> None:
        self._on_assign, self._on_revoke = on_assign, on_revoke

    def consumer_group_metadata(self) -> None: ...

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        self.taken += partitions

    def incremental_unassign(self, partitions: list[TopicPartition]) -> None:
        self.left += partitions

    def committed(self, *_: object, **__: object) -> list[TopicPartition]:
        raise AssertionError("asked while it closes")

    def close(self) -> None:
        given = [TopicPartition("t", 0), TopicPartition("t", 1)]
        self._on_assign(self, given)
        self._on_revoke(self, given)


class Told:
    def __init__(self) -> None:
        self.calls: list[str] = []

    def on_assigned(self, *_: object) -> None:
        self.calls.append("assigned")

    def on_revoked(self, *_: object) -> None:
        self.calls.append("revoked")

    def on_lost(self, *_: object) -> None:
        self.calls.append("lost")


def test_a_member_that_is_closing_takes_nothing_and_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "Consumer", GivenMoreAtTheEnd)
    listener = Told()
    consumer = KafkaConsumer(KafkaConfig("127.0.0.1:1"), "g", ["t"], listener, ErrorSink())
    consumer.close()
    client = consumer._client
    assert isinstance(client, GivenMoreAtTheEnd)
    assert [t.partition for t in client.taken] == [t.partition for t in client.left] == [0, 1]
    assert listener.calls == []
    assert consumer.assignment() == []


class RaisesNoException(GivenMoreAtTheEnd):
    """A client whose ``poll`` raises an object that is no exception, as confluent-kafka 2.16 does."""

    def poll(self, _: float) -> None:
        error = KafkaError(KafkaError._CONFLICT, "already part of the current assignment")
        restore, keep = ctypes.pythonapi.PyErr_Restore, ctypes.pythonapi.Py_IncRef
        restore.argtypes, restore.restype = [ctypes.py_object, ctypes.py_object, ctypes.c_void_p], None
        keep.argtypes = [ctypes.py_object]
        for owned in (KafkaError, error):  # ``PyErr_Restore`` takes over the references
            keep(owned)
        restore(KafkaError, error, None)


def test_an_error_that_is_no_exception_becomes_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "Consumer", RaisesNoException)
    consumer = KafkaConsumer(KafkaConfig("127.0.0.1:1"), "g", (), None, ErrorSink())
    with pytest.raises(BusUnavailableError, match="reading: already part of the current assignment"):
        consumer.batch(1, 0.0)
