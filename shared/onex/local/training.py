"""A few calls of each kind that a mesh makes, so that the JVM records the classes that they need."""

from onex.bus.kafka import KafkaEventBusAdapter
from onex.bus.protocols import Partition, Position, TopicState

_TOPIC = "training"
_ROUNDS = 3
_PATIENCE = 30.0


def train(bus: KafkaEventBusAdapter) -> None:
    """Use topics, transactions, a group and a reader. Raises BusError when the broker is too slow."""
    bus.admin.create([TopicState(_TOPIC, 4, 1, {"retention.ms": "60000"})])
    bus.admin.alter(_TOPIC, {"retention.ms": "120000"})
    transaction, consumer = bus.transaction(_TOPIC), bus.subscribe(_TOPIC, [_TOPIC])
    try:
        for number in range(_ROUNDS):
            transaction.begin()
            transaction.produce(_TOPIC, b"value", b"%d" % number, [])
            transaction.commit(None, {})
            for record in consumer.batch(_ROUNDS, _PATIENCE):
                transaction.begin()
                transaction.commit(consumer, {Partition(_TOPIC, record.partition()): Position(record.offset() + 1)})
    finally:
        consumer.close()
        transaction.close()
    reader = bus.read({Partition(_TOPIC, number): 0 for number in range(4)})
    list(reader.until_end())
    reader.close()
