"""Runs an effect's engine step by step, on the test's thread."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from typing_extensions import override

from onex.agent.effect.engine import EffectEngine
from onex.agent.effect.rebalance import abandon, release
from onex.agent.runtime import AgentRuntime
from onex.bus.protocols import Partition, Position, ProtocolConsumer, ProtocolRebalanceListener, ProtocolTransaction
from onex.testing.clock import VirtualLoop

_REAL_PATIENCE = 60.0


class MemoryEffectRunner(ProtocolRebalanceListener):
    """Runs one instance. With a VirtualLoop handlers sleep in virtual time; with another loop they do real I/O."""

    def __init__(
        self,
        make_engine: Callable[[Callable[[], None]], EffectEngine],
        topics: Sequence[str],
        runtime: AgentRuntime,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.engine = make_engine(lambda: None)
        self._bus = runtime.bus
        self._loop = loop
        self.partitions = self.engine.partitions_on(runtime.bus)
        self.transaction: ProtocolTransaction = runtime.bus.transaction(runtime.transactional_id)
        self.consumer: ProtocolConsumer = runtime.bus.subscribe(runtime.group, topics, self)
        self.partitions.consumer = self.consumer

    def step(self, timeout: float = 0.0) -> bool:
        """Take records, run handlers, commit. Return whether there was anything to do."""
        room = self.engine.room()
        if self.partitions.are_restoring and (adopted := self.partitions.step()) is not None:
            self.engine.adopt(adopted)
        self.partitions.pause(room)
        self.engine.limits.refresh()
        records = self.consumer.batch(max(1, room), timeout)

        async def take() -> None:
            for skip in self.engine.decisions(self._bus):
                self.engine.unblock(skip)
            self.engine.take(records)

        self._loop.run_until_complete(take())
        self._run_handlers()
        if self.engine.failure is not None:
            raise self.engine.failure
        has_committed = self._commit()
        self.engine.observe()
        return has_committed or bool(records) or self.partitions.are_restoring

    def next_timer_ms(self) -> int | None:
        """Return None: an effect has no timers, and its loop knows when its handlers wake up."""
        return None

    def _run_handlers(self) -> None:
        if isinstance(self._loop, VirtualLoop):
            self._loop.run_ready()
            return

        async def until_idle() -> None:
            async with asyncio.timeout(_REAL_PATIENCE):
                while self.engine.in_flight:
                    await asyncio.sleep(0.001)

        self._loop.run_until_complete(until_idle())

    def _commit(self) -> bool:
        committer = self.engine.committer
        commit = committer.snapshot()
        if commit is None:
            return False
        refused = committer.write(self.transaction, commit)
        refused = committer.commit(self.transaction, self.consumer, commit, refused)
        if refused is None:
            committer.committed(commit)
        else:
            committer.give_back(commit, refused)
        return True

    def close(self) -> None:
        """Drain and leave the group."""
        self.consumer.close()
        self.partitions.close()
        self.transaction.close()

    @override
    def on_assigned(self, partitions: Sequence[Partition], committed: Mapping[Partition, Position]) -> None:
        self.partitions.assigned(partitions, committed)

    @override
    def on_revoked(self, partitions: Sequence[Partition]) -> None:
        adopted = self.partitions.given_up(partitions)
        requested: list[asyncio.Future[None]] = []

        async def commit() -> None:
            requested.append(self._loop.create_future())
            await requested[-1]

        releasing = self._loop.create_task(release(self.engine, adopted, commit, lambda: False, 0.0))

        async def until_commit() -> None:
            while not (requested or releasing.done()):
                await asyncio.sleep(0)

        # A fault may let other instances work in the middle of a commit, so that it must not run inside of the loop.
        while not releasing.done():
            self._loop.run_until_complete(until_commit())
            if requested:
                try:
                    self._commit()
                except BaseException as error:  # noqa: BLE001 - the release raises it
                    requested.pop().set_exception(error)
                else:
                    requested.pop().set_result(None)
                self._loop.run_until_complete(until_commit())
        releasing.result()

    @override
    def on_lost(self, partitions: Sequence[Partition]) -> None:
        adopted = self.partitions.given_up(partitions)
        self._loop.run_until_complete(abandon(self.engine, adopted, _no_commit_in_flight))


async def _no_commit_in_flight() -> None:
    """Return: a commit ends before any other call."""
