"""Runs an EFFECT. One thread polls, the asyncio loop runs handlers, one thread commits.

An exception on any of the three ends :meth:`EffectRunner.run`, which raises it.
"""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from functools import partial
from threading import Event, Thread
from time import monotonic
from typing import TypeVar

import structlog

from onex.agent.effect.engine import EffectEngine
from onex.agent.effect.rebalance import abandon, release
from onex.agent.runtime import AgentRuntime
from onex.agent.state.restored import Restored
from onex.bus.protocols import Partition, Position, ProtocolRecord
from onex.errors import BusError, OnexError
from onex.model.mesh import EnumConsumerEvent
from onex.wire.skip import Skip

log = structlog.get_logger(__name__)
T = TypeVar("T")
_POLL = 0.1
_FULL_POLL = 0.01
_PATIENCE = 1.0
"""Seconds to wait for room before partitions are paused. librdkafka drops the records that it has fetched of a paused
partition, and takes up to a second to fetch them again."""
_IDLE_CHECK = 0.25
_ACKNOWLEDGED_WITHIN = 1.0
"""Seconds after which the commit waits instead: it handles a broker that is away."""
_LOOK_AGAIN = 0.001


class EffectRunner:
    """Drives one engine with the clients of one bus."""

    def __init__(
        self,
        make_engine: Callable[[Callable[[], None]], EffectEngine],
        topics: Sequence[str],
        runtime: AgentRuntime,
        drain_timeout: float,
    ) -> None:
        """``make_engine`` takes the function to call when an outcome can be committed."""
        self._metrics = runtime.metrics
        self._engine = make_engine(self._on_outcome)
        self._committer = self._engine.committer
        self._partitions = self._engine.partitions_on(runtime.bus)
        self._bus = runtime.bus
        self._group = runtime.group
        self._topics = topics
        self._transactional_id = runtime.transactional_id
        self._drain_timeout = drain_timeout
        self._commits = ThreadPoolExecutor(1, "commit")
        self._polling = True
        self._handed = 0
        self._taken = 0
        self._room = 1
        self._freed = Event()
        self._failure: BaseException | None = None

    def progress(self) -> dict[Partition, int]:
        """Return the number of outcomes committed per assigned partition."""
        return dict(self._committer.progress)

    @property
    def partitions(self) -> Collection[Partition]:
        """The assigned partitions, those that are being restored included."""
        return {*self._committer.partitions, *self._partitions.restored}

    def waiting_partitions(self) -> list[Partition]:
        """Return the partitions of which no progress is expected now."""
        return [*self._engine.waiting_partitions(), *self._partitions.restored]

    def restoring(self) -> Mapping[Partition, Restored]:
        """Return the partitions for which results, retries and positions are being read. Thread-safe."""
        return self._partitions.restored

    def overdue(self) -> float:
        """Return the seconds by which the current call of the bus exceeds its own timeout."""
        return self._transaction.overdue()

    def lag(self) -> dict[Partition, int]:
        """Return the number of offsets left per assigned partition, as the client knows it."""
        return dict(self._consumer.lag())

    def positions(self) -> dict[Partition, int]:
        """Return the next offset to read per assigned partition."""
        return dict(self._consumer.positions())

    async def take_over(self) -> None:
        """Fence an earlier owner of the transactional id. Raises BusError."""
        self._loop = asyncio.get_running_loop()
        self._transaction = await self._blocking(partial(self._bus.transaction, self._transactional_id))

    async def subscribe(self) -> None:
        """Join the group, after :meth:`take_over`. Raises BusError."""
        self._consumer = await self._blocking(partial(self._bus.subscribe, self._group, self._topics, self))
        self._partitions.consumer = self._consumer

    async def run(self, stopping: asyncio.Event) -> None:
        """Run until ``stopping`` is set or a failure ends the run; drain before returning.

        Call :meth:`subscribe` first.
        """
        self._wake = asyncio.Event()
        self._committing = asyncio.Lock()
        self._room = self._engine.room()
        poller = Thread(target=self._poll, name="poll", daemon=True)
        poller.start()
        try:
            while self._failure is None and not stopping.is_set():
                await self._pump()
        finally:
            self._polling = False
            self._freed.set()
            while poller.is_alive():
                await self._pump()
            self._transaction.close()
            self._commits.shutdown()
            self._partitions.close()
            self._engine.close()
        if self._failure is not None:
            raise self._failure

    async def _pump(self) -> None:
        """Commit the outcomes that are waiting, or wait a little for the first one."""
        try:
            async with asyncio.timeout(_IDLE_CHECK):
                await self._wake.wait()
        except TimeoutError:
            self._make_room()
        self._wake.clear()
        self._failure = self._failure or self._engine.failure
        await self._commit()
        self._engine.observe()

    async def _commit(self) -> None:
        """Commit one transaction and return: under load there is always more, and the caller has other work."""
        async with self._committing:
            commit = self._committer.snapshot() if self._failure is None else None
            if commit is None:
                return
            self._make_room()
            try:
                refused = self._committer.write(self._transaction, commit) or await self._acknowledged()
                work = partial(self._committer.commit, self._transaction, self._consumer, commit, refused)
                refused = await self._blocking(work)
                if refused is None:
                    self._committer.committed(commit)
                else:
                    self._committer.give_back(commit, refused)
                    self._wake.set()
            except OnexError as error:
                self._failure = error
                return
            self._make_room()

    async def _acknowledged(self) -> BusError | None:
        """Wait on the loop until the broker has acknowledged: a waiting thread would need a turn for each report."""
        deadline = self._loop.time() + _ACKNOWLEDGED_WITHIN
        try:
            while not self._transaction.acknowledged() and self._loop.time() < deadline:
                await asyncio.sleep(_LOOK_AGAIN)
        except BusError as error:
            return error
        return None

    async def _blocking(self, call: Callable[[], T]) -> T:
        return await self._loop.run_in_executor(self._commits, call)

    def _on_outcome(self) -> None:
        self._wake.set()

    def _make_room(self) -> None:
        self._room = self._engine.room()
        if self._free() > 0:
            self._freed.set()

    def _free(self) -> int:
        """Return the number of records that may be taken now."""
        return self._room - (self._handed - self._taken)

    # -- on the polling thread ------------------------------------------------------------------

    def _await_room(self) -> int:
        deadline = monotonic() + _PATIENCE
        while (room := self._free()) <= 0 and self._polling and (left := deadline - monotonic()) > 0:
            if self._partitions.are_restoring:
                self._restore()
                continue
            self._freed.clear()
            if self._free() <= 0:
                self._freed.wait(left)
        return room

    def _restore(self) -> None:
        """Read one more chunk for partitions that are being restored. The engine adopts those that are complete."""
        adopted = self._partitions.step()
        if adopted is None:
            return

        async def adopt() -> None:
            self._engine.adopt(adopted)

        self._on_loop(adopt())

    def _poll(self) -> None:
        try:
            while self._polling and self._failure is None:
                room = self._free() if self._partitions.is_any_paused else self._await_room()
                if self._partitions.are_restoring:
                    self._restore()
                self._partitions.pause(room)
                self._engine.limits.refresh()
                for skip in self._engine.decisions(self._bus):
                    self._loop.call_soon_threadsafe(self._unblock, skip)
                records = self._consumer.batch(max(1, room), self._poll_seconds(room))
                if records:
                    self._handed += len(records)
                    self._loop.call_soon_threadsafe(self._take, records)
            if self._failure is None:
                self._drain_as_member()
            self._consumer.close()
        except BaseException as error:  # noqa: BLE001 - it ends run(), which raises it
            self._failure = error
            self._loop.call_soon_threadsafe(self._wake.set)
            self._leave()

    def _leave(self) -> None:
        """Leave the group: a member that only disappears keeps its partitions until its session has ended."""
        try:
            self._consumer.close()
        except BusError as error:
            log.warning("cannot leave the group", group=self._group, reason=str(error))

    def _poll_seconds(self, room: int) -> float:
        if self._partitions.are_restoring:
            return 0.0
        return _POLL if room > 0 else _FULL_POLL

    def _drain_as_member(self) -> None:
        """Poll until the handlers have ended.

        A member that is closing sends no heartbeats (KIP-848), and its commits are refused after its session. Records
        that arrive meanwhile are not taken: the next owner reads them.
        """
        partitions = list(self._consumer.assignment())
        drained = asyncio.run_coroutine_threadsafe(self._engine.drain(partitions, self._drain_timeout), self._loop)
        while not drained.done():
            self._consumer.batch(1, _FULL_POLL)
        drained.result()

    def _take(self, records: Sequence[ProtocolRecord]) -> None:
        if self._is_done(partial(self._engine.take, records)):
            self._taken += len(records)
            self._make_room()

    def _unblock(self, skip: Skip) -> None:
        self._is_done(partial(self._engine.unblock, skip))

    def _is_done(self, work: Callable[[], None]) -> bool:
        """Call the engine from a callback of the loop. An exception ends the run: the loop would only log it."""
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - run() raises it
            self._failure = error
            self._wake.set()
            return False
        return True

    def _on_loop(self, work: Coroutine[None, None, None]) -> None:
        """Wait for work on the loop. Serve the consumer meanwhile: the work may wait for a commit that needs it."""
        done: Future[None] = asyncio.run_coroutine_threadsafe(work, self._loop)
        while not done.done():
            self._consumer.serve()
            wait_for([done], timeout=0.005)
        done.result()

    def on_assigned(self, partitions: Sequence[Partition], committed: Mapping[Partition, Position]) -> None:
        """Have the partitions restored between the polls that follow: the group waits while this call runs."""
        self._metrics.rebalanced(EnumConsumerEvent.ASSIGNED, partitions)
        # A commit that began before the partitions were lost must not be given back to their next assignment.
        self._on_loop(self._no_commit_in_flight())
        self._partitions.assigned(partitions, committed)

    async def _no_commit_in_flight(self) -> None:
        async with self._committing:
            return

    def on_revoked(self, partitions: Sequence[Partition]) -> None:
        """Drain within the deadline, commit, and give up the partitions. A runner that has failed commits nothing."""
        if self._failure is not None:
            self.on_lost(partitions)
            return
        self._metrics.rebalanced(EnumConsumerEvent.REVOKED, partitions)
        adopted = self._partitions.given_up(partitions)
        self._on_loop(
            release(self._engine, adopted, self._commit, lambda: self._failure is not None, self._drain_timeout)
        )

    def on_lost(self, partitions: Sequence[Partition]) -> None:
        """Give up the partitions without a commit: they may be assigned to another instance already."""
        self._metrics.rebalanced(EnumConsumerEvent.REVOKED, partitions)
        adopted = self._partitions.given_up(partitions)
        self._on_loop(abandon(self._engine, adopted, self._no_commit_in_flight))
