"""What a broker makes when it is first asked for it, asked for at once.

Coordinators' topics and the first block of producer ids are made on demand, and whoever asks first is told to come
again: librdkafka's transactional producers do so half a second later, once for each.
"""

from confluent_kafka import Producer

from onex.bus.kafka import KafkaEventBusAdapter
from onex.bus.kafka.transaction import TRANSACTION_STATE
from onex.bus.protocols import TopicState

_PARTITIONS = 4
_SETTINGS = {"cleanup.policy": "compact", "compression.type": "uncompressed", "segment.bytes": "104857600"}
"""As brokers set them."""
_TIMEOUT = 15.0


def warm_up(bus: KafkaEventBusAdapter) -> None:
    """Safe to call again. Raises BusError."""
    asks_for_an_id = Producer(bus.config.producer(None))
    asks_for_an_id.list_topics(TRANSACTION_STATE, timeout=_TIMEOUT)
    names = (TRANSACTION_STATE, "__consumer_offsets")
    present = bus.admin.topics(names)
    bus.admin.create([TopicState(name, _PARTITIONS, 1, _SETTINGS) for name in names if name not in present])
