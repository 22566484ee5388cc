"""Adapters for nodes that write to Kafka themselves."""

from collections.abc import Mapping

from onex.bus.kafka.adapter import KafkaEventBusAdapter
from onex.bus.kafka.config import KafkaConfig


class KafkaAdapters:
    """See :class:`onex.capability.ProtocolKafkaAdapters`."""

    def open(self, servers: str, config: Mapping[str, str], producing: Mapping[str, str]) -> KafkaEventBusAdapter:
        """See the protocol."""
        return KafkaEventBusAdapter(KafkaConfig(servers, extra=dict(config), producing=dict(producing)))
