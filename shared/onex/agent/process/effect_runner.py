"""Runs an effect: one thread polls, the asyncio loop runs handlers, one thread commits."""

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
from onex.agent.state.restored import Restored
from onex.agent.telemetry.metrics import AgentMetrics
from onex.bus.protocols import Partition, Position, ProtocolEventBus, ProtocolRecord
from onex.errors import BusError, OnexError
from onex.model.mesh import EnumConsumerEvent
from onex.node import NodeEffect
from onex.wire.skip import Skip

log = structlog.get_logger(__name__)
T = TypeVar("T")
_POLL = 0.1
_FULL_POLL = 0.01
_PATIENCE = 1.0
"""Seconds to wait for room before partitions are paused: librdkafka drops what it has fetched of a paused one, which
takes up to a second to fetch again."""
_IDLE_CHECK = 0.25
_ACKNOWLEDGED_WITHIN = 1.0
"""Seconds after which the commit waits instead, which knows what to do about a broker that is away."""
_LOOK_AGAIN = 0.001


class EffectRunner:
    """See the module. Every exception of a thread ends ``run`` with that exception."""

    def __init__(
        self,
        make_engine: Callable[[Callable[[], None]], EffectEngine],
        node: NodeEffect,
        bus: ProtocolEventBus,
        group: str,
        topics: Sequence[str],
        transactional_id: str | None,
        drain_timeout: float,
        metrics: AgentMetrics,
    ) -> None:
        self._metrics = metrics
        self._engine = make_engine(self._on_outcome)
        self._committer = self._engine.committer
        self._partitions = self._engine.partitions_on(bus)
        self._node = node
        self._bus = bus
        self._group = group
        self._topics = topics
        self._transactional_id = transactional_id
        self._drain_timeout = drain_timeout
        self._commits = ThreadPoolExecutor(1, "commit")
        self._polling = True
        self._handed = 0
        self._taken = 0
        self._room = 1
        self._freed = Event()
        self._failure: BaseException | None = None

    def progress(self) -> dict[Partition, int]:
        """Outcomes committed per partition held."""
        return dict(self._committer.progress)

    @property
    def partitions(self) -> Collection[Partition]:
        """Those that are assigned to this process."""
        return {*self._committer.partitions, *self._partitions.restored}

    def waiting_partitions(self) -> list[Partition]:
        """Partitions that stand still and go on by themselves."""
        return [*self._engine.waiting_partitions(), *self._partitions.restored]

    def restoring(self) -> Mapping[Partition, Restored]:
        """Partitions that wait for what is read first: answers, retries and positions. From any thread."""
        return self._partitions.restored

    def overdue(self) -> float:
        """Seconds by which a call of the bus has outlasted its own timeout."""
        return self._transaction.overdue()

    def lag(self) -> dict[Partition, int]:
        """Offsets left per partition held."""
        return dict(self._consumer.lag())

    def positions(self) -> dict[Partition, int]:
        """Next offset to read per partition held."""
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
        """Until ``stopping`` is set or something fails for good; drains before it returns.

        Needs :meth:`subscribe` first.
        """
        self._wake = asyncio.Event()
        self._committing = asyncio.Lock()
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
        """Commit what is there, or wait a little for something to be there."""
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
        """One transaction: under load there is always more to commit, and the caller has other things to look at."""
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
        """Wait for the broker here, where its reports cost nothing: on the other thread each waits for a turn."""
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
        """How many records may be taken now."""
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
        """Read a little more of what newly assigned partitions wait for; the engine adopts what is complete."""
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
        except BaseException as error:  # noqa: BLE001 - ends the run, which raises it
            self._failure = error
            self._loop.call_soon_threadsafe(self._wake.set)
            self._leave()

    def _leave(self) -> None:
        """A member that is gone without a word keeps its partitions until its session has ended."""
        try:
            self._consumer.close()
        except BusError as error:
            log.warning("the group is not left", group=self._group, reason=str(error))

    def _poll_seconds(self, room: int) -> float:
        if self._partitions.are_restoring:
            return 0.0
        return _POLL if room > 0 else _FULL_POLL

    def _drain_as_member(self) -> None:
        """Poll on until handlers have ended: a member that is closing sends no heartbeats (KIP-848), and what it
        commits after its session is refused. Records that come meanwhile are not taken: the next owner reads them."""
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
        """Call the engine from a callback of the loop, which would only log what it raises: that ends the run."""
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - the run raises it
            self._failure = error
            self._wake.set()
            return False
        return True

    def _on_loop(self, work: Coroutine[None, None, None]) -> None:
        """Wait for work on the loop, and serve commits that it may wait for in turn."""
        done: Future[None] = asyncio.run_coroutine_threadsafe(work, self._loop)
        while not done.done():
            self._consumer.serve()
            wait_for([done], timeout=0.005)
        done.result()

    def on_assigned(self, partitions: Sequence[Partition], committed: Mapping[Partition, Position]) -> None:
        """Have partitions restored between the polls that follow: while this call runs, the group waits."""
        self._metrics.rebalanced(EnumConsumerEvent.ASSIGNED, partitions)
        # A commit that began before they were lost must not be given back to their new time here.
        self._on_loop(self._no_commit_in_flight())
        self._partitions.assigned(partitions, committed)

    async def _no_commit_in_flight(self) -> None:
        async with self._committing:
            return

    def on_revoked(self, partitions: Sequence[Partition]) -> None:
        """Drain within the deadline, commit, give up. A host that has failed only gives up."""
        if self._failure is not None:
            self.on_lost(partitions)
            return
        self._metrics.rebalanced(EnumConsumerEvent.REVOKED, partitions)
        adopted = self._partitions.given_up(partitions)

        async def release() -> None:
            await self._engine.drain(adopted, self._drain_timeout)
            deadline = self._loop.time() + self._drain_timeout
            await self._commit()  # after the one that may be under way
            while self._failure is None and self._committer.owes(adopted) and self._loop.time() < deadline:
                await self._commit()
            self._engine.abandon(adopted)

        self._on_loop(release())

    def on_lost(self, partitions: Sequence[Partition]) -> None:
        """Somebody else may hold them already: commit nothing."""
        self._metrics.rebalanced(EnumConsumerEvent.REVOKED, partitions)
        adopted = self._partitions.given_up(partitions)

        async def abandon() -> None:
            self._engine.abandon(adopted)
            await self._engine.drain(adopted, 0.0)
            # This thread joins the group again after this call, and a commit reads the generation late: one that
            # began before must not be accepted for the generation that follows.
            await self._no_commit_in_flight()

        self._on_loop(abandon())
