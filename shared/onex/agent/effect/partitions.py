"""Partitions of an effect: assigned, restored, adopted by the engine, paused, given up.

The path of a partition: ``assigned`` pauses it and finds its position, which is all that happens inside the
rebalance callback. Between two polls, ``step`` reads a chunk of its retry partition and of its idempotent results.
When both are complete, the engine adopts the partition, and its records are read. ``given_up`` removes it, perhaps
before it was adopted.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from onex.agent.effect.backlog_reading import BacklogReading
from onex.agent.effect.idempotent_results import IdempotentResults
from onex.agent.effect.retry_topic import Backlog, RetryTopic
from onex.agent.state.lost_positions import seek_to_first
from onex.agent.state.restored import Restored
from onex.agent.telemetry.health import Health
from onex.agent.telemetry.metrics import AgentMetrics
from onex.bus.protocols import Partition, Position, ProtocolConsumer, ProtocolEventBus


class Adopted(NamedTuple):
    """Partitions whose messages may run from now on."""

    committed: Mapping[Partition, Position | None]
    backlogs: Mapping[int, Backlog]
    """What waits on the retry partitions, by the numbers that are new to the engine."""
    lost: Mapping[Partition, str]
    """Partitions that cannot continue, with the reason."""


class EffectPartitions:
    """The partitions of one engine. Lives on the thread that polls."""

    def __init__(
        self,
        retry_topic: RetryTopic,
        results: IdempotentResults | None,
        node: str,
        bus: ProtocolEventBus,
        health: Health,
        metrics: AgentMetrics,
        to_pause: Callable[[], Collection[Partition]],
    ) -> None:
        """``to_pause`` returns the adopted partitions from which nothing may be read now."""
        self.consumer: ProtocolConsumer
        """Set when the group is joined."""
        self.restored: Mapping[Partition, Restored] = {}
        """Assigned partitions that are not adopted yet; replaced as a whole, for other threads.

        Each shows the progress of all of them, because they take turns.
        """
        self._retry_topic = retry_topic
        self._results = results
        self._node = node
        self._bus = bus
        self._health = health
        self._metrics = metrics
        self._to_pause = to_pause
        self._restored_parts = "retries" if results is None else "retries and idempotent results"
        self._paused: set[Partition] = set()
        self._waiting: dict[Partition, Position | None] = {}
        """Partitions that are assigned and not adopted yet, with their committed positions."""
        self._lost: dict[Partition, str] = {}
        """Those of them that cannot continue from there, with the reason."""
        self._backlogs = BacklogReading(bus, retry_topic.name)
        self._read: dict[int, Backlog | None] = {}
        """Partition numbers that are being read, each with its backlog when that is complete."""
        self._unopened: dict[int, None] = {}
        self._unrestored: set[int] = set()
        """Partition numbers whose idempotent results are not complete."""

    def assigned(self, partitions: Sequence[Partition], committed: Mapping[Partition, Position]) -> None:
        """Pause these partitions until they are restored. Raise BusError."""
        self.consumer.pause(partitions)
        self._paused.update(partitions)
        lost = seek_to_first(self.consumer, committed, self._bus, self._node)
        self._waiting |= {partition: committed.get(partition) for partition in partitions}
        self._lost |= lost
        self._report()

    @property
    def are_restoring(self) -> bool:
        """Whether ``step`` has anything to do."""
        return bool(self.restored)

    def step(self) -> Adopted | None:
        """Restore a little more. Return the partitions that the engine must adopt now. Raise BusError.

        A step may ask the brokers for positions, open one store, and read one chunk of each topic.
        """
        new = [number for number in self._retry_topic.unread(self._waiting) if number not in self._read]
        if new:
            self._begin(new)
        elif self._results is not None and self._unopened:
            number, _ = self._unopened.popitem()
            self._results.open(number)
        else:
            self._read |= self._backlogs.step()
            if self._results is not None:
                self._unrestored.difference_update(self._results.restore())
        adopted = self._complete()
        self._report()
        return adopted

    def _begin(self, numbers: Sequence[int]) -> None:
        """Read the positions first: they are stable then, and their records are before the ends read later."""
        retries = {number: Partition(self._retry_topic.name, number) for number in numbers}
        committed = self.consumer.committed(list(retries.values()))
        for number, retry in retries.items():
            self._read[number] = None
            self._backlogs.add(number, committed.get(retry))
        if self._results is not None:
            self._unopened |= dict.fromkeys(numbers)
            self._unrestored.update(numbers)

    def _complete(self) -> Adopted | None:
        numbers = {n for n, backlog in self._read.items() if backlog is not None and n not in self._unrestored}
        complete = [p for p in self._waiting if p.partition in numbers or p.partition not in self._read]
        if not complete:
            return None
        committed = {partition: self._waiting.pop(partition) for partition in complete}
        lost = {partition: self._lost.pop(partition) for partition in complete if partition in self._lost}
        backlogs = {number: backlog for number in numbers if (backlog := self._read.pop(number)) is not None}
        for number in numbers:
            self._health.clear(_about(number))
        return Adopted(committed, backlogs, lost)

    def _report(self) -> None:
        """Report progress to the watchdog, health and metrics."""
        if not self._waiting and not self.restored:
            return
        reached, left = 0, 0
        results = {} if self._results is None else {p.partition: at for p, at in self._results.restored.items()}
        backlogs = self._backlogs.progress()
        for number in self._read:
            parts = [progress[number] for progress in (results, backlogs) if number in progress]
            of_number = Restored(sum(at.reached for at in parts), sum(at.left for at in parts))
            reached, left = reached + of_number.reached, left + of_number.left
            if of_number.left:
                self._health.complain(_about(number), of_number.reason(self._restored_parts))
        self._metrics.restore_remaining.set(left)
        self.restored = dict.fromkeys(self._waiting, Restored(reached, max(1, left)))

    def pause(self, room: int) -> None:
        """Pause the partitions from which nothing may be read now, and resume the others.

        ``room``: the number of records that fit into the engine. Without room, all partitions are paused.
        """
        to_pause = set(self.consumer.assignment() if room <= 0 else (*self._to_pause(), *self._waiting))
        self.consumer.resume(list(self._paused - to_pause))
        self.consumer.pause(list(to_pause - self._paused))
        self._paused = to_pause

    @property
    def is_any_paused(self) -> bool:
        """Whether an adopted partition is paused."""
        return not self._paused.issubset(self.restored)

    def given_up(self, partitions: Collection[Partition]) -> list[Partition]:
        """Remove partitions. Return those that the engine has adopted: the caller removes them from the engine."""
        adopted = [partition for partition in partitions if partition not in self.restored]
        self._paused.difference_update(partitions)
        for partition in partitions:
            self._waiting.pop(partition, None)
            self._lost.pop(partition, None)
        numbers = {partition.partition for partition in self._waiting}
        for number in [number for number in self._read if number not in numbers]:
            self._drop(number)
        self._report()
        return adopted

    def _drop(self, number: int) -> None:
        del self._read[number]
        self._backlogs.remove(number)
        self._unopened.pop(number, None)
        self._unrestored.discard(number)
        if self._results is not None:
            self._results.forget([number])
        self._health.clear(_about(number))

    def close(self) -> None:
        """Stop reading. The engine closes the idempotent results."""
        self._backlogs.close()


def _about(number: int) -> str:
    return f"restore {number}"
