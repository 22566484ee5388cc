"""A Faust agent as a consumer: Faust reads on a loop of its own, the engine takes records from its thread."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

import faust
from faust.types import TP, EventT, StreamT

from onex.bus.aio.unreadable import UnreadableName
from onex.bus.faust.app import make_app
from onex.bus.kafka import KafkaEventBusAdapter
from onex.bus.protocols import Headers, Partition, Position, ProtocolRebalanceListener, ProtocolRecord
from onex.errors import BusUnavailableError, PoisonError

T = TypeVar("T")
_STOP, _COMMIT = 20.0, 20.0
_HIGH, _LOW = 2000, 500
"""Records of a partition kept here beyond which Faust stops reading it, and below which it goes on."""


@dataclass(frozen=True, slots=True)
class FaustRecord:
    """See :class:`ProtocolRecord`. ``headers`` raises PoisonError when a name is not UTF-8."""

    event: EventT[object]

    def topic(self) -> str:
        return str(self.event.message.topic)

    def partition(self) -> int:
        return int(self.event.message.partition)

    def offset(self) -> int:
        return int(self.event.message.offset)

    def key(self) -> bytes | None:
        key: bytes | None = self.event.message.key
        return key

    def value(self) -> bytes | None:
        value: bytes | None = self.event.message.value
        return value

    def headers(self) -> Headers | None:
        found = self.event.message.headers
        if not found:
            return None
        headers = list(found.items() if isinstance(found, Mapping) else found)
        if any(isinstance(name, UnreadableName) for name, _ in headers):
            raise PoisonError("a header name is not UTF-8")
        return headers

    def timestamp(self) -> tuple[int, int]:
        return 1, round(self.event.message.timestamp * 1000)


class FaustConsumer:
    """See :class:`ProtocolConsumer`."""

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
        """Given out and not yet acknowledged."""
        self._paused: set[Partition] = set()
        self._held_back: set[Partition] = set()
        self._news = threading.Condition()
        self._tasks: deque[tuple[Callable[[], None], Future[None]]] = deque()
        """What Faust asks of the engine's thread: rebalances."""
        self._failure: BaseException | None = None
        self._closed = False
        self._loop = asyncio.new_event_loop()
        self._app = make_app(kafka.config, group)
        self._thread = threading.Thread(target=self._run, args=(topics,), name="faust", daemon=True)
        self._thread.start()

    # -- on Faust's thread ----------------------------------------------------------------------

    def _run(self, topics: Sequence[str]) -> None:
        """Nobody waits for the start: Faust's first rebalance needs the engine's thread."""
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
            with self._news:
                queue = self._ready.get(partition)
                if queue is None:
                    continue
                queue.append(record)
                self._news.notify_all()
            if len(queue) >= _HIGH and partition not in self._held_back:
                self._held_back.add(partition)
                self._app.consumer.pause_partitions({_tp(partition)})

    async def _assigned(self, _: object, assigned: set[TP], **__: object) -> None:
        await self._ask(lambda: self._on_assigned([Partition(tp.topic, tp.partition) for tp in assigned]))

    async def _revoked(self, _: object, revoked: set[TP], **__: object) -> None:
        await self._ask(lambda: self._on_revoked([Partition(tp.topic, tp.partition) for tp in revoked]))

    async def _ask(self, work: Callable[[], None]) -> None:
        """Have something done on the engine's thread, which calls ``batch`` again and again."""
        done: Future[None] = Future()
        with self._news:
            self._tasks.append((work, done))
            self._news.notify_all()
        await asyncio.wrap_future(done)

    # -- on the engine's thread -----------------------------------------------------------------

    def _on_assigned(self, partitions: Sequence[Partition]) -> None:
        for partition in partitions:
            self._ready.setdefault(partition, deque())
            self._served.setdefault(partition, deque())
        if self._listener is not None and partitions:
            self._listener.on_assigned(partitions, self.committed(partitions))

    def _on_revoked(self, partitions: Sequence[Partition]) -> None:
        mine = [partition for partition in partitions if partition in self._ready]
        if self._listener is not None and mine:
            self._listener.on_revoked(mine)
        for partition in mine:
            # The listener serves the loop while it drains: Faust may have given the same partitions up meanwhile.
            self._ready.pop(partition, None)
            self._served.pop(partition, None)
            self._paused.discard(partition)
            self._held_back.discard(partition)

    def batch(self, most: int, timeout: float) -> Sequence[ProtocolRecord]:
        """See the protocol. Partitions take turns by the age of their first record."""
        if self._failure is not None:
            raise BusUnavailableError(f"faust: {self._failure}")
        self.serve()
        found: list[ProtocolRecord] = []
        with self._news:
            if not self._tasks and not any(self._readable()):
                self._news.wait(timeout)
            for partition in self._readable():
                queue, served = self._ready[partition], self._served[partition]
                while queue and len(found) < most:
                    record = queue.popleft()
                    served.append(record)
                    found.append(record)
        self._go_on()
        return found

    def _readable(self) -> list[Partition]:
        return [p for p, queue in self._ready.items() if queue and p not in self._paused]

    def _go_on(self) -> None:
        for partition in [p for p in self._held_back if len(self._ready.get(p, ())) < _LOW]:
            self._held_back.discard(partition)
            self._loop.call_soon_threadsafe(self._app.consumer.resume_partitions, {_tp(partition)})

    def serve(self) -> None:
        """See the protocol."""
        while self._tasks:
            work, done = self._tasks.popleft()
            try:
                work()
            except BaseException as error:
                done.set_exception(error)
                raise
            done.set_result(None)

    def assignment(self) -> Sequence[Partition]:
        """See the protocol."""
        return list(self._ready)

    def pause(self, partitions: Sequence[Partition]) -> None:
        """See the protocol."""
        self._paused.update(partition for partition in partitions if partition in self._ready)

    def resume(self, partitions: Sequence[Partition]) -> None:
        """See the protocol."""
        self._paused.difference_update(partitions)

    def seek(self, partition: Partition, offset: int) -> None:
        """Back among what is not acknowledged yet: further nobody goes."""
        served = self._served.get(partition)
        with self._news:
            while served and served[-1].offset() >= offset:
                self._ready[partition].appendleft(served.pop())

    def committed(self, partitions: Sequence[Partition]) -> Mapping[Partition, Position]:
        """See the protocol."""
        found = self._kafka.admin.group_positions(self._group, partitions)
        return {partition: Position(at.offset) for partition, at in found.items()}

    def commit(self, positions: Mapping[Partition, Position]) -> None:
        """Acknowledge everything below the positions to Faust, and have it commit."""
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

    def lag(self) -> Mapping[Partition, int]:
        """What is read and not given out yet: Faust does not say what it has not read."""
        return {partition: len(queue) for partition, queue in self._ready.items()}

    def positions(self) -> Mapping[Partition, int]:
        """None: Faust does not say."""
        return {}

    def close(self) -> None:
        """See the protocol."""
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
        """Run on Faust's loop, and meanwhile do what Faust asks of this thread."""
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
                    raise BusUnavailableError(f"faust did not answer within {patience:g} s") from None


def _tp(partition: Partition) -> TP:
    return TP(partition.topic, partition.partition)
