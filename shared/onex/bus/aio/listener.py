"""Reads topics from now on, outside of any group."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from typing_extensions import override

from onex.bus.aio.errors import translate
from onex.bus.aio.record import AioRecord, getone
from onex.bus.async_protocols import ProtocolAsyncListener, Take
from onex.errors import BusError

log = structlog.get_logger(__name__)
_RETRY_AFTER = 0.5
_LOOK_EVERY = 10.0
"""Seconds between two requests for partitions that were added; the client asks brokers every half minute."""

_Offsets = Callable[[AIOKafkaConsumer, Sequence[TopicPartition]], Awaitable[Mapping[TopicPartition, int]]]
"""Requests an offset of each partition."""


class AioListener(ProtocolAsyncListener):
    """Reads all partitions of some topics, also those that are added later. It reconnects after an error."""

    def __init__(
        self,
        make_consumer: Callable[[None], AIOKafkaConsumer],
        count_partitions: Callable[[Sequence[str]], Awaitable[Mapping[str, int]]],
        topics: Sequence[str],
        take: Take,
    ) -> None:
        self._topics = frozenset(topics)
        self._make_consumer = make_consumer
        self._count_partitions = count_partitions
        self._take = take
        self._counts: Mapping[str, int] = {}
        """Number of partitions that are read, by topic."""
        self._consumers: list[AIOKafkaConsumer] = []
        self._tasks: list[asyncio.Task[None]] = []

    @property
    @override
    def topics(self) -> frozenset[str]:
        return self._topics

    async def start(self) -> None:
        """Find the present ends and read from there on. Raises BusError.

        Every record that is written after this returns is taken.
        """
        self._counts = await self._count_partitions(sorted(self._topics))
        present = [TopicPartition(topic, n) for topic, count in self._counts.items() for n in range(count)]
        await self._listen(present, AIOKafkaConsumer.end_offsets)
        self._tasks.append(asyncio.create_task(self._follow(), name="onex-listener-follow"))

    async def _listen(self, partitions: Sequence[TopicPartition], start_of: _Offsets) -> None:
        consumer = self._make_consumer(None)
        try:
            await consumer.start()
            offsets = await start_of(consumer, partitions)
            # No await in between: the consumer would look for the end by itself, later than this request did.
            consumer.assign(partitions)
            for partition, offset in offsets.items():
                consumer.seek(partition, offset)
        except KafkaError as error:
            await consumer.stop()
            raise translate(error, "listening") from None
        except BaseException:
            await consumer.stop()
            raise
        self._consumers.append(consumer)
        self._tasks.append(asyncio.create_task(self._read(consumer), name="onex-listener"))

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            try:
                await self._add_partitions()
            except BusError as error:
                log.warning("looking for new partitions is interrupted", error=str(error))
            except Exception:
                log.exception("looking for new partitions failed; it is tried again")

    async def _add_partitions(self) -> None:
        """Read partitions that were added from their beginning: all their records were written after the start."""
        counts = await self._count_partitions(sorted(self._topics))
        added = [TopicPartition(t, n) for t, count in counts.items() for n in range(self._counts[t], count)]
        if added:
            await self._listen(added, AIOKafkaConsumer.beginning_offsets)
            self._counts = counts
            log.info("listening to partitions that were added", partitions=len(added))

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            try:
                record = await getone(consumer)
            except KafkaError as error:
                log.warning("listening is interrupted", error=str(error))
                await asyncio.sleep(_RETRY_AFTER)
                continue
            try:
                self._take(AioRecord(record))
            except Exception:
                # A single unexpected record must not end the listener that all callers share.
                log.exception("a record could not be taken", topic=record.topic, offset=record.offset)

    @override
    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for consumer in self._consumers:
            await consumer.stop()

    @override
    async def caught_up(self, patience: float = 2.0) -> None:
        try:
            async with asyncio.timeout(patience):
                for consumer in self._consumers:
                    ends = await consumer.end_offsets(list(consumer.assignment()))
                    for partition, end in ends.items():
                        while await consumer.position(partition) < end:
                            await asyncio.sleep(0.005)
        except (TimeoutError, KafkaError) as error:
            log.debug("the listener did not catch up", error=str(error))
