"""Makes a broker create the topics of its coordinators, and the first block of producer ids.

It creates them on demand and refuses the first request for each. librdkafka's transactional producers ask again only
half a second later, once for each.
"""

from onex.bus.kafka import KafkaEventBusAdapter
from onex.bus.kafka.transaction import TRANSACTION_STATE
from onex.bus.protocols import TopicState

_PARTITIONS = 4
_SETTINGS = {"cleanup.policy": "compact", "compression.type": "uncompressed", "segment.bytes": "104857600"}
"""Those that brokers use."""
_TIMEOUT = 15.0


def warm_up(bus: KafkaEventBusAdapter) -> None:
    """Create them. A second call changes nothing. Raises BusError."""
    bus.request_producer_id(TRANSACTION_STATE, _TIMEOUT)
    names = (TRANSACTION_STATE, "__consumer_offsets")
    present = bus.admin.topics(names)
    bus.admin.create([TopicState(name, _PARTITIONS, 1, _SETTINGS) for name in names if name not in present])
