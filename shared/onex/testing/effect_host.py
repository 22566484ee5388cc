"""Runs an effect's engine step by step, on the test's thread."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from onex.agent.effect.engine import EffectEngine
from onex.bus.protocols import Partition, Position, ProtocolConsumer, ProtocolEventBus, ProtocolTransaction
from onex.testing.clock import VirtualLoop

_REAL_PATIENCE = 60.0


class MemoryEffectRunner:
    """One instance. With a VirtualLoop handlers sleep in virtual time; with a plain loop they do real I/O."""

    def __init__(
        self,
        make_engine: Callable[[Callable[[], None]], EffectEngine],
        bus: ProtocolEventBus,
        group: str,
        topics: Sequence[str],
        transactional_id: str | None,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.engine = make_engine(lambda: None)
        self._bus = bus
        self._loop = loop
        self.partitions = self.engine.partitions_on(bus)
        self.transaction: ProtocolTransaction = bus.transaction(transactional_id)
        self.consumer: ProtocolConsumer = bus.subscribe(group, topics, self)
        self.partitions.consumer = self.consumer

    def step(self, timeout: float = 0.0) -> bool:
        """Take, run, commit; gives whether anything happened."""
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
        self._run()
        if self.engine.failure is not None:
            raise self.engine.failure
        worked = self._commit()
        self.engine.observe()
        return worked or bool(records) or self.partitions.are_restoring

    def _run(self) -> None:
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

    def on_assigned(self, partitions: Sequence[Partition], committed: Mapping[Partition, Position]) -> None:
        """See :class:`ProtocolRebalanceListener`."""
        self.partitions.assigned(partitions, committed)

    def on_revoked(self, partitions: Sequence[Partition]) -> None:
        """See :class:`ProtocolRebalanceListener`."""
        adopted = self.partitions.given_up(partitions)
        self._loop.run_until_complete(self.engine.drain(adopted, 0.0))
        self._commit()
        self.engine.abandon(adopted)

    def on_lost(self, partitions: Sequence[Partition]) -> None:
        """See :class:`ProtocolRebalanceListener`."""
        adopted = self.partitions.given_up(partitions)
        self.engine.abandon(adopted)
        self._loop.run_until_complete(self.engine.drain(adopted, 0.0))
