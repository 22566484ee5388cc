"""Kafka adapters for nodes that write records directly."""

from collections.abc import Mapping

from onex.bus.config import KafkaConfig
from onex.bus.kafka.adapter import KafkaEventBusAdapter


class KafkaAdapters:
    """Creates adapters with the servers and settings of a node.

    It has the shape of :class:`onex.capability.kafka.ProtocolKafkaAdapters`, which engines ask for.
    """

    def open(self, servers: str, config: Mapping[str, str], producing: Mapping[str, str]) -> KafkaEventBusAdapter:
        """Return a new adapter. ``config`` has librdkafka settings of all clients, ``producing`` of producers."""
        return KafkaEventBusAdapter(KafkaConfig(servers, extra=dict(config), producing=dict(producing)))
