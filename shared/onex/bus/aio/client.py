"""One aiokafka producer and any number of listeners; errors are those of the bus."""

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from onex.bus.aio.config import connection_of
from onex.bus.aio.unreadable import read_all_headers
from onex.bus.config import KafkaConfig
from onex.bus.protocols import Outgoing
from onex.errors import (
    BusError,
    BusUnavailableError,
    MessageTooLargeError,
    MissingTopicError,
    NotAuthorizedError,
)
from onex.wire.partitioner import partition_of

_REQUEST_TIMEOUT_MS = 15_000


class AioKafka:
    """Belongs to one event loop. ``start`` before use, ``close`` after."""

    def __init__(self, config: KafkaConfig) -> None:
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

    async def start(self) -> None:
        """Connect; raises BusUnavailableError."""
        try:
            await self._producer.start()
        except (KafkaError, OSError) as error:
            await self._producer.stop()
            raise translate(error, "connecting") from None

    async def publish(self, record: Outgoing) -> None:
        """Write one record and wait for its acknowledgement; raises BusError.

        Cancelled, it may or may not have been written.
        """
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

    def consumer(self, group: str | None, *topics: str, from_beginning: bool = False) -> AIOKafkaConsumer:
        """A consumer that reads committed records; it is the caller's to start and stop."""
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

    async def partitions(self, topics: Sequence[str]) -> dict[str, int]:
        """How many partitions each topic has; raises MissingTopicError."""
        found: dict[str, int] = {}
        for topic in topics:
            try:
                found[topic] = len(await self._producer.partitions_for(topic))
            except KafkaError as error:
                raise translate(error, f"looking for {topic}") from None
        return found

    async def close(self) -> None:
        """Send what is queued and disconnect."""
        await self._producer.stop()


def translate(error: Exception, doing: str) -> BusError:
    """aiokafka's errors as ours."""
    text = f"{doing}: {error or type(error).__name__}"
    match error:
        case MessageSizeTooLargeError():
            return MessageTooLargeError(text)
        case UnknownTopicOrPartitionError():
            return MissingTopicError(f"{text}; `onex apply` creates declared topics")
        case TopicAuthorizationFailedError():
            return NotAuthorizedError(text)
        case _:
            return BusUnavailableError(text)
