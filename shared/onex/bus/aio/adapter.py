"""AioEventBusAdapter: makes every aiokafka client of applications."""

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from typing_extensions import override

from onex.bus.aio.config import connection_of
from onex.bus.aio.consumer import AioConsumer
from onex.bus.aio.errors import translate
from onex.bus.aio.listener import AioListener
from onex.bus.aio.unreadable import read_all_headers
from onex.bus.async_protocols import ProtocolAsyncEventBus, Take
from onex.bus.config import KafkaConfig
from onex.bus.protocols import Outgoing
from onex.wire.partitioner import partition_of

_REQUEST_TIMEOUT_MS = 15_000


class AioEventBusAdapter(ProtocolAsyncEventBus):
    """One aiokafka producer, and any number of listeners and consumers. Belongs to one event loop."""

    def __init__(self, config: KafkaConfig) -> None:
        """Raises ConfigurationError for a setting that aiokafka does not have."""
        read_all_headers()
        self._connection = connection_of(config)
        self._producer = AIOKafkaProducer(
            **self._connection,
            enable_idempotence=True,
            acks="all",
            compression_type="lz4",
            max_request_size=config.max_message_bytes,
            request_timeout_ms=_REQUEST_TIMEOUT_MS,
        )

    @override
    async def start(self) -> None:
        try:
            await self._producer.start()
        except (KafkaError, OSError) as error:
            await self._producer.stop()
            raise translate(error, "connecting") from None

    @override
    async def publish(self, record: Outgoing) -> None:
        try:
            partitions = await self._producer.partitions_for(record.topic)
            partition = partition_of(record.key, len(partitions)) if record.key and partitions else None
            sent = await self._producer.send(
                record.topic, record.value, record.key, partition, headers=list(record.headers)
            )
            # Shielded: a cancelled caller must not cancel the future that the producer's batch shares.
            await asyncio.shield(sent)
        except KafkaError as error:
            raise translate(error, f"writing to {record.topic}") from None

    @override
    def subscribe(self, group: str | None, topic: str, *, from_beginning: bool = False) -> AioConsumer:
        return AioConsumer(self._consumer(group, topic, from_beginning=from_beginning), topic)

    @override
    async def listen(self, topics: Sequence[str], take: Take) -> AioListener:
        listener = AioListener(self._consumer, self.partition_counts, topics, take)
        await listener.start()
        return listener

    @override
    async def partition_counts(self, topics: Sequence[str]) -> dict[str, int]:
        counts: dict[str, int] = {}
        for topic in topics:
            try:
                counts[topic] = len(await self._producer.partitions_for(topic))
            except KafkaError as error:
                raise translate(error, f"looking for {topic}") from None
        return counts

    def _consumer(self, group: str | None, *topics: str, from_beginning: bool = False) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            *topics,
            **self._connection,
            group_id=group,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest" if from_beginning else "latest",
            session_timeout_ms=10_000,
            fetch_max_wait_ms=100,
        )

    @override
    async def close(self) -> None:
        await self._producer.stop()
