"""More records than librdkafka's queue holds: producing waits for room, nothing is left out."""

from onex.bus.kafka import KafkaEventBusAdapter
from onex.bus.protocols import Partition, TopicState

_COUNT = 250_000  # the queue holds 200,000


def _ended_with(bus: KafkaEventBusAdapter, topic: str) -> int:
    reader = bus.read({Partition(topic, 0): 0})
    try:
        return sum(1 for _ in reader.until_end())
    finally:
        reader.close()


def test_more_changes_than_the_client_holds_wait_for_room(kafka_bus: KafkaEventBusAdapter) -> None:
    topic = "onex.evt.test.many-changes.v1"
    kafka_bus.admin.create([TopicState(topic, 1, 1, {})])
    transaction = kafka_bus.transaction("tx.many-changes")
    transaction.begin()
    offsets: list[int] = []
    for number in range(_COUNT - 1):
        transaction.produce(topic, b"v", b"%d" % number, [], 0)
    transaction.produce(topic, b"v", b"last", [], 0, lambda _, offset: offsets.append(offset))
    transaction.commit(None, {})
    transaction.close()
    assert offsets == [_COUNT - 1]
    assert _ended_with(kafka_bus, topic) == _COUNT


def test_more_outputs_than_the_client_holds_wait_for_room(kafka_bus: KafkaEventBusAdapter) -> None:
    topic = "onex.evt.test.many-outputs.v1"
    kafka_bus.admin.create([TopicState(topic, 1, 1, {})])
    transaction = kafka_bus.transaction("tx.many-outputs")
    transaction.begin()
    transaction.produce_all((topic, b"v", b"k", []) for _ in range(_COUNT))
    transaction.commit(None, {})
    transaction.close()
    assert _ended_with(kafka_bus, topic) == _COUNT
