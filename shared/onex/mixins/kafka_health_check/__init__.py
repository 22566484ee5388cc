"""Kafka health: checks that brokers respond."""

from onex.mixins.kafka_health_check.mixin_kafka_health_check import MixinKafkaHealthCheck
from onex.mixins.kafka_health_check.model_kafka_health_check_subcontract import ModelKafkaHealthCheckSubcontract
from onex.mixins.kafka_health_check.protocol_kafka_health_check import ProtocolKafkaHealth

__all__ = ["MixinKafkaHealthCheck", "ModelKafkaHealthCheckSubcontract", "ProtocolKafkaHealth"]
