"""Send offsets with a transaction after the broker that coordinates the group has gone, on an otherwise quiet client.

python -m tests.unit.client_faults.lost_coordinator default|product
"""

import os
import sys
from threading import Timer

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from onex.bus.config import KafkaConfig
from tests.unit.client_faults.mock_cluster import MockCluster

_TIMEOUT = 1.0
GIVE_UP = 7.0
"""Seconds: well above the timeout, and above the 4 seconds that closing idle connections takes to help."""
_GROUP, _TRANSACTIONS, _LEADER = 3, 1, 2
"""Brokers by what they do."""


def main(how: str) -> None:
    """Print ``returned`` or ``hangs``."""
    cluster = MockCluster()
    cluster.create("t", _LEADER)
    cluster.coordinate("group", "g", _GROUP)
    cluster.coordinate("transaction", "x", _TRANSACTIONS)
    config = KafkaConfig(cluster.servers, "classic").producer("x")
    if how == "default":
        del config["connections.max.idle.ms"]
    producer = Producer(config)
    consumer = Consumer({"bootstrap.servers": cluster.servers, "group.id": "g", "log_level": 2})
    producer.init_transactions(10)
    for number in range(2):
        producer.begin_transaction()
        producer.produce("t", b"v")
        offsets = [TopicPartition("t", 0, number + 1)]
        producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata(), 5)
        producer.commit_transaction(10)
    producer.begin_transaction()
    producer.produce("t", b"v")
    producer.flush(5)
    cluster.coordinate("group", "g", _LEADER)
    cluster.kill(_GROUP)
    Timer(GIVE_UP, _end, ["hangs"]).start()
    try:
        offsets = [TopicPartition("t", 0, 9)]
        producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata(), _TIMEOUT)
    except KafkaException as error:
        _end(f"returned {error}")
    _end("returned")


def _end(outcome: str) -> None:
    """Closing the clients could hang, too."""
    sys.stdout.write(outcome)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
