"""A question to the brokers."""

import asyncio

from onex.errors import BusError, TransientError
from onex.mixins.kafka_configuration import ProtocolKafka
from onex.mixins.kafka_health_check.model_kafka_health_check_subcontract import ModelKafkaHealthCheckSubcontract
from onex.model.outgoing import BusHealth


class KafkaHealthCheckEngine:
    """See :class:`ProtocolKafkaHealth`."""

    def __init__(self, settings: ModelKafkaHealthCheckSubcontract, kafka: ProtocolKafka) -> None:
        self._settings = settings
        self._kafka = kafka

    @property
    def critical(self) -> bool:
        """Whether the node cannot work without."""
        return self._settings.critical

    async def open(self) -> None:
        """Nothing to do: the check is there as soon as the engine is."""

    async def close(self) -> None:
        """Nothing to do."""

    async def look(self) -> BusHealth:
        """See the protocol."""
        health = await self._kafka.health()
        if not health.ok or not self._settings.topics:
            return health
        try:
            known = await asyncio.to_thread(self._kafka.bus.admin.topics, self._settings.topics)
        except BusError as error:
            return BusHealth(ok=False, detail=str(error))
        if missing := [topic for topic in self._settings.topics if topic not in known]:
            return BusHealth(ok=False, detail=f"missing topics: {', '.join(missing)}")
        return health

    async def probe(self) -> None:
        """For :class:`MixinHealthCheck`. Raises TransientError where all is not well."""
        health = await self.look()
        if not health.ok:
            raise TransientError(health.detail)
