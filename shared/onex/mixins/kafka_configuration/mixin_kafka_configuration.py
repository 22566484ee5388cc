"""The mixin that adds a Kafka adapter to a node."""

from onex.capability import AgentEnvironment, Mixin, ProtocolHost, capability, configured, define
from onex.capability.kafka import ProtocolKafkaAdapters
from onex.mixins.kafka_configuration.engine import KafkaConfigurationEngine
from onex.mixins.kafka_configuration.model_kafka_configuration_subcontract import (
    ModelKafkaConfigurationSubcontract,
)
from onex.mixins.kafka_configuration.protocol_kafka_configuration import ProtocolKafka


class MixinKafkaConfiguration(Mixin):
    """``await self.kafka.publish([Outgoing(topic, value)])``"""

    definition = define(__file__, ModelKafkaConfigurationSubcontract)

    @capability
    def kafka(self: ProtocolHost) -> ProtocolKafka:
        """The adapters of the node."""
        settings = configured(self, ModelKafkaConfigurationSubcontract)
        environment, adapters = self.container.get(AgentEnvironment), self.container.get(ProtocolKafkaAdapters)
        return KafkaConfigurationEngine(settings, environment, adapters)
