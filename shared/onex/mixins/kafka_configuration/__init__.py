"""Kafka configuration: a Kafka adapter for the node's own records."""

from onex.mixins.kafka_configuration.mixin_kafka_configuration import MixinKafkaConfiguration
from onex.mixins.kafka_configuration.model_kafka_configuration_subcontract import (
    EnumCompression,
    ModelKafkaConfigurationSubcontract,
)
from onex.mixins.kafka_configuration.protocol_kafka_configuration import KafkaFacts, ProtocolKafka
from onex.model.outgoing import Outgoing

__all__ = [
    "EnumCompression",
    "KafkaFacts",
    "MixinKafkaConfiguration",
    "ModelKafkaConfigurationSubcontract",
    "Outgoing",
    "ProtocolKafka",
]
