"""Checks brokers and topics."""

import asyncio

from typing_extensions import override

from onex.errors import BusError, TransientError
from onex.mixins.kafka_configuration import ProtocolKafka
from onex.mixins.kafka_health_check.model_kafka_health_check_subcontract import ModelKafkaHealthCheckSubcontract
from onex.mixins.kafka_health_check.protocol_kafka_health_check import ProtocolKafkaHealth
from onex.model.outgoing import BusHealth


class KafkaHealthCheckEngine(ProtocolKafkaHealth):
    """Checks through the node's own Kafka adapter."""

    def __init__(self, settings: ModelKafkaHealthCheckSubcontract, kafka: ProtocolKafka) -> None:
        self._settings = settings
        self._kafka = kafka

    @property
    def critical(self) -> bool:
        """Whether the node is unhealthy when the check fails."""
        return self._settings.critical

    async def open(self) -> None:
        """Do nothing. The engine is managed so that it is created at start, which registers its check."""

    async def close(self) -> None:
        """Do nothing."""

    @override
    async def look(self) -> BusHealth:
        health = await self._kafka.health()
        if not health.ok or not self._settings.topics:
            return health
        try:
            existing = await asyncio.to_thread(self._kafka.bus.admin.topics, self._settings.topics)
        except BusError as error:
            return BusHealth(ok=False, detail=str(error))
        if missing := [topic for topic in self._settings.topics if topic not in existing]:
            return BusHealth(ok=False, detail=f"missing topics: {', '.join(missing)}")
        return health

    async def probe(self) -> None:
        """Probe for :class:`MixinHealthCheck`. Raise TransientError when a check fails."""
        health = await self.look()
        if not health.ok:
            raise TransientError(health.detail)
