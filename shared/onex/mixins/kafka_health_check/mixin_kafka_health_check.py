"""The mixin that adds a health check of brokers to a node."""

from typing import Protocol

from onex.capability import Container, HealthCheck, HealthChecks, Mixin, capability, configured, define
from onex.mixins.kafka_configuration import ProtocolKafka
from onex.mixins.kafka_health_check.engine import KafkaHealthCheckEngine
from onex.mixins.kafka_health_check.model_kafka_health_check_subcontract import ModelKafkaHealthCheckSubcontract
from onex.mixins.kafka_health_check.protocol_kafka_health_check import ProtocolKafkaHealth


class HasKafka(Protocol):
    """A node with :class:`MixinKafkaConfiguration`."""

    @property
    def container(self) -> Container: ...
    @property
    def kafka(self) -> ProtocolKafka: ...


class MixinKafkaHealthCheck(Mixin):
    """``(await self.kafka_health.look()).ok``"""

    definition = define(__file__, ModelKafkaHealthCheckSubcontract)

    @capability
    def kafka_health(self: HasKafka) -> ProtocolKafkaHealth:
        """The health check of the brokers."""
        engine = KafkaHealthCheckEngine(configured(self, ModelKafkaHealthCheckSubcontract), self.kafka)
        checks = self.container.get(HealthChecks)
        checks.add(HealthCheck("kafka", engine.probe, critical=engine.critical))
        return engine
