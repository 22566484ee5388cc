"""Adapters of one node."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from onex.bus.kafka import KafkaConfig, KafkaEventBusAdapter
from onex.bus.mixins.kafka_configuration.model_kafka_configuration_subcontract import (
    ModelKafkaConfigurationSubcontract,
)
from onex.bus.mixins.kafka_configuration.protocol_kafka_configuration import KafkaFacts
from onex.bus.murmur2 import murmur2
from onex.bus.protocols import BusHealth, Outgoing
from onex.capability import Surroundings
from onex.model.errors import CompositionError


class KafkaConfigurationEngine:
    """See :class:`ProtocolKafka`. Each producer is an adapter of its own, used by one call at a time."""

    def __init__(self, settings: ModelKafkaConfigurationSubcontract, surroundings: Surroundings) -> None:
        self._settings = settings
        self._servers = settings.bootstrap_servers or surroundings.kafka_bootstrap_servers
        own = {name: value.get_secret_value() for name, value in settings.config.items()}
        self._extra = {**surroundings.kafka_config, **own}
        self._producing = {
            "compression.type": str(settings.compression),
            "linger.ms": str(settings.linger_ms),
            "delivery.timeout.ms": str(settings.delivery_timeout_ms),
        }
        self._adapters: list[KafkaEventBusAdapter] = []
        self._turns = [asyncio.Lock() for _ in range(settings.producers)]
        self._published = self._failed = 0

    async def open(self) -> None:
        """Make the adapters; they connect when they are first used."""
        if self._servers:
            config = KafkaConfig(self._servers, extra=self._extra, producing=self._producing)
            self._adapters = [KafkaEventBusAdapter(config) for _ in self._turns]

    async def close(self) -> None:
        """Let go of the clients."""
        adapters, self._adapters = self._adapters, []
        for adapter in adapters:
            await asyncio.to_thread(adapter.close)

    @property
    def bus(self) -> KafkaEventBusAdapter:
        """See the protocol."""
        if not self._adapters:
            raise CompositionError(
                "there is no Kafka for the node itself: start it first, in an agent or with `bootstrap_servers`"
            )
        return self._adapters[0]

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """See the protocol."""
        shares: dict[int, list[Outgoing]] = {}
        for record in records:
            shares.setdefault(self._share(record), []).append(record)
        await asyncio.gather(*(self._write(number, share) for number, share in shares.items()))

    def _share(self, record: Outgoing) -> int:
        return murmur2(record.key or record.topic.encode()) % len(self._turns)

    async def _write(self, number: int, records: list[Outgoing]) -> None:
        self.bus  # noqa: B018 - raises where there is none
        try:
            async with self._turns[number]:
                await asyncio.to_thread(self._adapters[number].publish_batch, records)
        except BaseException:
            self._failed += len(records)
            raise
        self._published += len(records)

    async def health(self) -> BusHealth:
        """See the protocol."""
        return await asyncio.to_thread(self.bus.health)

    def facts(self) -> KafkaFacts:
        """See the protocol."""
        return KafkaFacts(len(self._adapters), self._published, self._failed)

    def figures(self) -> Mapping[str, float]:
        """The same, for operators."""
        return {name: float(value) for name, value in asdict(self.facts()).items()}
