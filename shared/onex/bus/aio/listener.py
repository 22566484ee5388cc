"""Reads topics from now on, outside of any group, for as many waiters as there are."""

import asyncio
from collections.abc import Callable, Sequence

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from onex.bus.aio.client import AioKafka, translate

log = structlog.get_logger(__name__)
_AGAIN = 0.5

getone = AIOKafkaConsumer.getone
"""Taken before any instrumentation, which raises at a ``traceparent`` that is not UTF-8: records come from strangers.

And a listener reads the messages of all callers: only those that a caller waits for belong in a trace. The caller
makes the span.
"""

Take = Callable[[ConsumerRecord[bytes, bytes]], None]


class Listener:
    """One consumer over all partitions of some topics. A broken connection is mended; nothing is skipped."""

    def __init__(self, kafka: AioKafka, topics: Sequence[str], take: Take) -> None:
        self.topics = frozenset(topics)
        self._kafka = kafka
        self._take = take
        self._consumer: AIOKafkaConsumer | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Find the present ends and read on from there; raises BusError.

        What is written after this returns is seen.
        """
        counts = await self._kafka.partitions(sorted(self.topics))
        consumer = self._kafka.consumer(None)
        try:
            await consumer.start()
            partitions = [TopicPartition(topic, n) for topic, count in counts.items() for n in range(count)]
            ends = await consumer.end_offsets(partitions)
            # Nothing is awaited in between: the consumer would look for the end by itself, later than we did.
            consumer.assign(partitions)
            for partition, end in ends.items():
                consumer.seek(partition, end)
        except KafkaError as error:
            await consumer.stop()
            raise translate(error, "listening") from None
        except BaseException:
            await consumer.stop()
            raise
        self._consumer = consumer
        self._task = asyncio.create_task(self._read(consumer), name="onex-listener")

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
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._consumer is not None:
            await self._consumer.stop()

    async def caught_up(self, patience: float = 2.0) -> None:
        """Wait until everything that is written by now was taken, at most ``patience`` seconds."""
        consumer = self._consumer
        assert consumer is not None
        try:
            async with asyncio.timeout(patience):
                ends = await consumer.end_offsets(list(consumer.assignment()))
                for partition, end in ends.items():
                    while await consumer.position(partition) < end:
                        await asyncio.sleep(0.005)
        except (TimeoutError, KafkaError) as error:
            log.debug("did not catch up", error=str(error))
