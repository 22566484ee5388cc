"""A Faust agent as a consumer. Faust reads on an event loop in its own thread; the engine polls on another."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

import faust
from faust.types import TP, EventT, StreamT
from typing_extensions import override

from onex.bus.aio.unreadable import UnreadableName
from onex.bus.faust.app import make_app
from onex.bus.kafka import KafkaEventBusAdapter
from onex.bus.protocols import (
    Headers,
    Partition,
    Position,
    ProtocolConsumer,
    ProtocolRebalanceListener,
    ProtocolRecord,
)
from onex.errors import BusUnavailableError, ConfigurationError, PoisonError

T = TypeVar("T")
_STOP, _COMMIT = 20.0, 20.0
_HIGH, _LOW = 2000, 500
"""Queued records of a partition at which Faust pauses it, and below which Faust resumes it."""


@dataclass(frozen=True, slots=True)
class FaustRecord(ProtocolRecord):
    """The record of a Faust event. ``headers`` raises PoisonError when a name is not UTF-8."""

    event: EventT[object]

    @override
    def topic(self) -> str:
        return str(self.event.message.topic)

    @override
    def partition(self) -> int:
        return int(self.event.message.partition)

    @override
    def offset(self) -> int:
        return int(self.event.message.offset)

    @override
    def key(self) -> bytes | None:
        key: bytes | None = self.event.message.key
        return key

    @override
    def value(self) -> bytes | None:
        value: bytes | None = self.event.message.value
        return value

    @override
    def headers(self) -> Headers | None:
        received = self.event.message.headers
        if not received:
            return None
        headers = list(received.items() if isinstance(received, Mapping) else received)
        if any(isinstance(name, UnreadableName) for name, _ in headers):
            raise PoisonError("a header name is not UTF-8")
        return headers

    @override
    def timestamp(self) -> tuple[int, int]:
        return 1, round(self.event.message.timestamp * 1000)


class FaustConsumer(ProtocolConsumer):
    """Queues the records of a Faust agent by partition, until the engine takes them."""

    def __init__(
        self,
        kafka: KafkaEventBusAdapter,
        group: str,
        topics: Sequence[str],
        listener: ProtocolRebalanceListener | None,
    ) -> None:
        self._kafka = kafka
        self._group = group
        self._listener = listener
        self._ready: dict[Partition, deque[FaustRecord]] = {}
        self._served: dict[Partition, deque[FaustRecord]] = {}
        """Returned by ``batch``, and not yet acknowledged."""
        self._paused: set[Partition] = set()
        self._paused_by_queue: set[Partition] = set()
        self._changed = threading.Condition()
        self._tasks: deque[tuple[Callable[[], None], Future[None]]] = deque()
        """Work of Faust for the thread of the engine: rebalances."""
        self._failure: BaseException | None = None
        self._closed = False
        self._loop = asyncio.new_event_loop()
        self._app = make_app(kafka.config, group)
        self._thread = threading.Thread(target=self._run, args=(topics,), name="faust", daemon=True)
        self._thread.start()

    # -- on the thread of Faust -----------------------------------------------------------------

    def _run(self, topics: Sequence[str]) -> None:
        """Run Faust. No caller waits for its start: the first rebalance needs the thread of the engine."""
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._start(topics))
            self._loop.run_forever()
        except BaseException as error:  # noqa: BLE001 - ``batch`` raises it
            self._failure = error

    async def _start(self, topics: Sequence[str]) -> None:
        self._app.on_partitions_assigned.connect(self._assigned, weak=False)  # type: ignore[arg-type]  # faust says Any, *Any
        self._app.on_partitions_revoked.connect(self._revoked, weak=False)  # type: ignore[arg-type]
        source = self._app.topic(*topics, key_serializer="raw", value_serializer="raw")
        self._app.agent(source, name="engine")(self._feed)
        await self._app.start()

    async def _feed(self, stream: StreamT[object]) -> None:
        assert isinstance(stream, faust.Stream)
        async for event in stream.noack().events():
            record = FaustRecord(event)
            partition = Partition(record.topic(), record.partition())
            with self._changed:
                queue = self._ready.get(partition)
                if queue is None:
                    continue
                queue.append(record)
                self._changed.notify_all()
            if len(queue) >= _HIGH and partition not in self._paused_by_queue:
                self._paused_by_queue.add(partition)
                self._app.consumer.pause_partitions({_tp(partition)})

    async def _assigned(self, _: object, assigned: set[TP], **__: object) -> None:
        await self._run_on_engine(lambda: self._on_assigned([Partition(tp.topic, tp.partition) for tp in assigned]))

    async def _revoked(self, _: object, revoked: set[TP], **__: object) -> None:
        await self._run_on_engine(lambda: self._on_revoked([Partition(tp.topic, tp.partition) for tp in revoked]))

    async def _run_on_engine(self, work: Callable[[], None]) -> None:
        """Run ``work`` on the thread of the engine, which calls ``batch`` repeatedly."""
        done: Future[None] = Future()
        with self._changed:
            self._tasks.append((work, done))
            self._changed.notify_all()
        await asyncio.wrap_future(done)

    # -- on the thread of the engine ------------------------------------------------------------

    def _on_assigned(self, partitions: Sequence[Partition]) -> None:
        for partition in partitions:
            self._ready.setdefault(partition, deque())
            self._served.setdefault(partition, deque())
        if self._listener is not None and partitions:
            self._listener.on_assigned(partitions, self.committed(partitions))

    def _on_revoked(self, partitions: Sequence[Partition]) -> None:
        assigned = [partition for partition in partitions if partition in self._ready]
        if self._listener is not None and assigned:
            self._listener.on_revoked(assigned)
        for partition in assigned:
            # The listener serves the loop while it drains: Faust may have revoked the same partitions meanwhile.
            self._ready.pop(partition, None)
            self._served.pop(partition, None)
            self._paused.discard(partition)
            self._paused_by_queue.discard(partition)

    @override
    def batch(self, most: int, timeout: float) -> Sequence[ProtocolRecord]:
        """Return up to ``most`` records that Faust has read; wait ``timeout`` seconds for the first.

        Runs the rebalance listener. Raises BusUnavailableError when Faust has failed.
        """
        if self._failure is not None:
            raise BusUnavailableError(f"Faust: {self._failure}")
        self.serve()
        batch: list[ProtocolRecord] = []
        with self._changed:
            if not self._tasks and not any(self._readable()):
                self._changed.wait(timeout)
            for partition in self._readable():
                queue, served = self._ready[partition], self._served[partition]
                while queue and len(batch) < most:
                    record = queue.popleft()
                    served.append(record)
                    batch.append(record)
        self._resume_queues()
        return batch

    def _readable(self) -> list[Partition]:
        return [p for p, queue in self._ready.items() if queue and p not in self._paused]

    def _resume_queues(self) -> None:
        for partition in [p for p in self._paused_by_queue if len(self._ready.get(p, ())) < _LOW]:
            self._paused_by_queue.discard(partition)
            self._loop.call_soon_threadsafe(self._app.consumer.resume_partitions, {_tp(partition)})

    @override
    def serve(self) -> None:
        while self._tasks:
            work, done = self._tasks.popleft()
            try:
                work()
            except BaseException as error:
                done.set_exception(error)
                raise
            done.set_result(None)

    @override
    def assignment(self) -> Sequence[Partition]:
        return list(self._ready)

    @override
    def pause(self, partitions: Sequence[Partition]) -> None:
        self._paused.update(partition for partition in partitions if partition in self._ready)

    @override
    def resume(self, partitions: Sequence[Partition]) -> None:
        self._paused.difference_update(partitions)

    @override
    def seek(self, partition: Partition, offset: int) -> None:
        """Continue at ``offset``, if it is among the records that are not acknowledged yet."""
        served = self._served.get(partition)
        with self._changed:
            while served and served[-1].offset() >= offset:
                self._ready[partition].appendleft(served.pop())

    @override
    def committed(self, partitions: Sequence[Partition]) -> Mapping[Partition, Position]:
        committed = self._kafka.admin.group_positions(self._group, partitions)
        return {partition: Position(at.offset) for partition, at in committed.items()}

    @override
    def commit(self, positions: Mapping[Partition, Position]) -> None:
        """Acknowledge to Faust all records below the positions, and have it commit."""
        done: list[FaustRecord] = []
        for partition, position in positions.items():
            served = self._served.get(partition, deque())
            while served and served[0].offset() < position.offset:
                done.append(served.popleft())
        if done:
            self._on_loop(self._acknowledge(done), _COMMIT)

    async def _acknowledge(self, records: Sequence[FaustRecord]) -> None:
        for record in records:
            record.event.ack()
        await self._app.consumer.commit()

    @override
    def lag(self) -> Mapping[Partition, int]:
        """Return the number of queued records: Faust does not report what it has not read."""
        return {partition: len(queue) for partition, queue in self._ready.items()}

    @override
    def positions(self) -> Mapping[Partition, int]:
        """Return nothing: Faust does not report positions."""
        return {}

    @override
    def group_metadata(self) -> object:
        """Raise ConfigurationError: there are no transactions."""
        raise ConfigurationError("host: faust has no transactions; use delivery.guarantee: at_least_once")

    @override
    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._on_revoked(list(self._ready))
        try:
            if self._failure is None:
                self._on_loop(self._app.stop(), _STOP)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_STOP)

    def _on_loop(self, work: Coroutine[None, None, T], patience: float) -> T:
        """Run ``work`` on the loop of Faust, and meanwhile the work of Faust on this thread."""
        running = asyncio.run_coroutine_threadsafe(work, self._loop)
        waited = 0.0
        while True:
            try:
                return running.result(0.02)
            except TimeoutError:
                waited += 0.02
                if self._closed:
                    self.serve()
                if waited > patience:
                    raise BusUnavailableError(f"Faust did not respond within {patience:g} s") from None


def _tp(partition: Partition) -> TP:
    return TP(partition.topic, partition.partition)
