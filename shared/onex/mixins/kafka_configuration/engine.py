"""The Kafka adapters of one node."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from zlib import crc32

from typing_extensions import override

from onex.capability import AgentEnvironment
from onex.capability.kafka import ProtocolKafkaAdapter, ProtocolKafkaAdapters
from onex.errors import CompositionError
from onex.mixins.kafka_configuration.model_kafka_configuration_subcontract import (
    ModelKafkaConfigurationSubcontract,
)
from onex.mixins.kafka_configuration.protocol_kafka_configuration import KafkaFacts, ProtocolKafka
from onex.model.outgoing import BusHealth, Outgoing


class KafkaConfigurationEngine(ProtocolKafka):
    """One adapter for each producer. One call at a time uses an adapter."""

    def __init__(
        self,
        settings: ModelKafkaConfigurationSubcontract,
        environment: AgentEnvironment,
        adapters: ProtocolKafkaAdapters,
    ) -> None:
        self._open = adapters.open
        self._settings = settings
        self._servers = settings.bootstrap_servers or environment.kafka_bootstrap_servers
        configured = {name: value.get_secret_value() for name, value in settings.config.items()}
        self._extra = {**environment.kafka_config, **configured}
        self._producing = {
            "compression.type": str(settings.compression),
            "linger.ms": str(settings.linger_ms),
            "delivery.timeout.ms": str(settings.delivery_timeout_ms),
        }
        self._adapters: list[ProtocolKafkaAdapter] = []
        self._turns = [asyncio.Lock() for _ in range(settings.producers)]
        self._published = self._failed = 0

    async def open(self) -> None:
        """Create the adapters. Each connects at its first use."""
        if self._servers:
            self._adapters = [self._open(self._servers, self._extra, self._producing) for _ in self._turns]

    async def close(self) -> None:
        """Close the clients."""
        adapters, self._adapters = self._adapters, []
        for adapter in adapters:
            await asyncio.to_thread(adapter.close)

    @property
    @override
    def bus(self) -> ProtocolKafkaAdapter:
        if not self._adapters:
            raise CompositionError(
                "the node has no Kafka adapter; start it in an agent, or set `bootstrap_servers` and start it"
            )
        return self._adapters[0]

    @override
    async def publish(self, records: Sequence[Outgoing]) -> None:
        shares: dict[int, list[Outgoing]] = {}
        for record in records:
            shares.setdefault(self._share(record), []).append(record)
        await asyncio.gather(*(self._write(number, share) for number, share in shares.items()))

    def _share(self, record: Outgoing) -> int:
        return crc32(record.key or record.topic.encode()) % len(self._turns)

    async def _write(self, number: int, records: list[Outgoing]) -> None:
        self.bus  # noqa: B018 - raises when there is no adapter
        try:
            async with self._turns[number]:
                await asyncio.to_thread(self._adapters[number].publish_batch, records)
        except BaseException:
            self._failed += len(records)
            raise
        self._published += len(records)

    @override
    async def health(self) -> BusHealth:
        return await asyncio.to_thread(self.bus.health)

    @override
    def facts(self) -> KafkaFacts:
        return KafkaFacts(len(self._adapters), self._published, self._failed)

    def reported_metrics(self) -> Mapping[str, float]:
        """The values of ``facts``."""
        return {name: float(value) for name, value in asdict(self.facts()).items()}
