"""Gives a node an adapter of its own."""

from onex.bus.mixins.kafka_configuration.engine import KafkaConfigurationEngine
from onex.bus.mixins.kafka_configuration.model_kafka_configuration_subcontract import (
    ModelKafkaConfigurationSubcontract,
)
from onex.bus.mixins.kafka_configuration.protocol_kafka_configuration import ProtocolKafka
from onex.capability import Mixin, ProtocolHost, Surroundings, capability, configured, define


class MixinKafkaConfiguration(Mixin):
    """``await self.kafka.publish([Outgoing(topic, value)])``"""

    definition = define(__file__, ModelKafkaConfigurationSubcontract)

    @capability
    def kafka(self: ProtocolHost) -> ProtocolKafka:
        """The adapter of the node."""
        return KafkaConfigurationEngine(
            configured(self, ModelKafkaConfigurationSubcontract), self.container.get(Surroundings)
        )
