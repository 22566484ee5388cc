"""Reads topics from now on, outside of any group, for as many waiters as there are."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from onex.bus.aio.client import AioKafka, translate
from onex.errors import BusError

log = structlog.get_logger(__name__)
_AGAIN = 0.5
_LOOK_EVERY = 10.0
"""Seconds between two looks for partitions that were added; the client asks brokers every half minute."""

getone = AIOKafkaConsumer.getone
"""Taken before any instrumentation, which raises at a ``traceparent`` that is not UTF-8: records come from strangers.

And a listener reads the messages of all callers: only those that a caller waits for belong in a trace. The caller
makes the span.
"""

Take = Callable[[ConsumerRecord[bytes, bytes]], None]
_Offsets = Callable[[AIOKafkaConsumer, Sequence[TopicPartition]], Awaitable[Mapping[TopicPartition, int]]]
"""Asks for an offset of each partition."""


class Listener:
    """Reads all partitions of some topics, also those added later. A broken connection is mended."""

    def __init__(self, kafka: AioKafka, topics: Sequence[str], take: Take) -> None:
        self.topics = frozenset(topics)
        self._kafka = kafka
        self._take = take
        self._counts: dict[str, int] = {}
        """Partitions that are read, by topic."""
        self._consumers: list[AIOKafkaConsumer] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Find the present ends and read on from there; raises BusError.

        What is written after this returns is seen.
        """
        self._counts = await self._kafka.partitions(sorted(self.topics))
        present = [TopicPartition(topic, n) for topic, count in self._counts.items() for n in range(count)]
        await self._listen(present, AIOKafkaConsumer.end_offsets)
        self._tasks.append(asyncio.create_task(self._follow(), name="onex-listener-follow"))

    async def _listen(self, partitions: Sequence[TopicPartition], start_of: _Offsets) -> None:
        consumer = self._kafka.consumer(None)
        try:
            await consumer.start()
            offsets = await start_of(consumer, partitions)
            # Nothing is awaited in between: the consumer would look for the end by itself, later than we did.
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
                log.exception("looking for new partitions failed, it begins again")

    async def _add_partitions(self) -> None:
        """A partition that was added is read from its beginning: all of it was written after the start."""
        counts = await self._kafka.partitions(sorted(self.topics))
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
                await asyncio.sleep(_AGAIN)
                continue
            try:
                self._take(record)
            except Exception:
                # One record that nobody foresaw must not end the listening of all who wait.
                log.exception("a record could not be taken", topic=record.topic, offset=record.offset)

    async def close(self) -> None:
        """Stop reading."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for consumer in self._consumers:
            await consumer.stop()

    async def caught_up(self, patience: float = 2.0) -> None:
        """Wait until everything that is written by now was taken, at most ``patience`` seconds."""
        try:
            async with asyncio.timeout(patience):
                for consumer in self._consumers:
                    ends = await consumer.end_offsets(list(consumer.assignment()))
                    for partition, end in ends.items():
                        while await consumer.position(partition) < end:
                            await asyncio.sleep(0.005)
        except (TimeoutError, KafkaError) as error:
            log.debug("did not catch up", error=str(error))
