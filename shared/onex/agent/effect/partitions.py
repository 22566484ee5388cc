"""Partitions of an effect: assigned, restored, adopted by the engine, paused, given up.

The way of a partition: ``assigned`` pauses it and looks where it begins, which is all that happens inside of the
rebalance callback -> ``step`` reads, a chunk between two polls, what waits on its retry partition and the answers
that are kept -> the engine adopts it, and its records are read -> ``given_up``, perhaps before it was adopted.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from onex.agent.effect.backlog_reading import BacklogReading
from onex.agent.effect.idempotent_results import IdempotentResults
from onex.agent.effect.retry_topic import Backlog, RetryTopic
from onex.agent.state.lost_positions import check_positions
from onex.agent.state.restored import Restored
from onex.agent.telemetry.health import Health
from onex.agent.telemetry.metrics import AgentMetrics
from onex.bus.protocols import Partition, Position, ProtocolConsumer, ProtocolEventBus


class Adopted(NamedTuple):
    """Partitions whose messages may run from now on."""

    committed: Mapping[Partition, Position | None]
    backlogs: Mapping[int, Backlog]
    """What waits on the retry partitions of numbers that the engine did not have."""
    lost: Mapping[Partition, str]
    """Partitions that cannot go on, with the reason."""


class EffectPartitions:
    """Of one engine, on the thread that polls."""

    def __init__(
        self,
        queue: RetryTopic,
        answers: IdempotentResults | None,
        node: str,
        bus: ProtocolEventBus,
        health: Health,
        metrics: AgentMetrics,
        still: Callable[[], Collection[Partition]],
    ) -> None:
        """``still`` returns adopted partitions from which nothing may be read now."""
        self.consumer: ProtocolConsumer
        """Set when the group is joined."""
        self.restored: Mapping[Partition, Restored] = {}
        """Assigned partitions that are not adopted yet; replaced as a whole, for other threads.

        Each shows the progress of all of them, because they take turns.
        """
        self._queue = queue
        self._answers = answers
        self._node = node
        self._bus = bus
        self._health = health
        self._metrics = metrics
        self._still = still
        self._what = "retries" if answers is None else "retries and kept answers"
        self._paused: set[Partition] = set()
        self._waiting: dict[Partition, Position | None] = {}
        """Assigned, with what is committed for them, and not adopted yet."""
        self._lost: dict[Partition, str] = {}
        """Those of them that cannot go on from there, with the reason."""
        self._backlogs = BacklogReading(bus, queue.topic)
        self._read: dict[int, Backlog | None] = {}
        """By partition number that is being read: its backlog, when that is complete."""
        self._unopened: dict[int, None] = {}
        self._unrestored: set[int] = set()
        """Numbers whose kept answers are not complete."""

    def assigned(self, partitions: Sequence[Partition], committed: Mapping[Partition, Position]) -> None:
        """Read nothing of these partitions yet. Raises BusError."""
        self.consumer.pause(partitions)
        self._paused.update(partitions)
        judged = check_positions(committed, self._bus, self._node)
        for partition, offset in judged.begins.items():
            self.consumer.seek(partition, offset)
        self._waiting |= {partition: committed.get(partition) for partition in partitions}
        self._lost |= judged.lost
        self._note()

    @property
    def are_restoring(self) -> bool:
        """Whether ``step`` has anything to do."""
        return bool(self.restored)

    def step(self) -> Adopted | None:
        """Restore a little more; return the partitions that the engine is to adopt now. Raises BusError.

        May ask brokers, open one store and read one chunk of each topic.
        """
        new = [number for number in self._queue.unknown(self._waiting) if number not in self._read]
        if new:
            self._begin(new)
        elif self._answers is not None and self._unopened:
            number, _ = self._unopened.popitem()
            self._answers.open(number)
        else:
            self._read |= self._backlogs.step()
            if self._answers is not None:
                self._unrestored.difference_update(self._answers.restore())
        adopted = self._complete()
        self._note()
        return adopted

    def _begin(self, numbers: Sequence[int]) -> None:
        """Positions first: they are stable when they are known, and what belongs to them comes before the ends."""
        retries = {number: Partition(self._queue.topic, number) for number in numbers}
        committed = self.consumer.committed(list(retries.values()))
        for number, retry in retries.items():
            self._read[number] = None
            self._backlogs.add(number, committed.get(retry))
        if self._answers is not None:
            self._unopened |= dict.fromkeys(numbers)
            self._unrestored.update(numbers)

    def _complete(self) -> Adopted | None:
        numbers = {n for n, backlog in self._read.items() if backlog is not None and n not in self._unrestored}
        ready = [p for p in self._waiting if p.partition in numbers or p.partition not in self._read]
        if not ready:
            return None
        committed = {partition: self._waiting.pop(partition) for partition in ready}
        lost = {partition: self._lost.pop(partition) for partition in ready if partition in self._lost}
        backlogs = {number: backlog for number in numbers if (backlog := self._read.pop(number)) is not None}
        for number in numbers:
            self._health.clear(_about(number))
        return Adopted(committed, backlogs, lost)

    def _note(self) -> None:
        """Report progress to the watchdog, health and metrics."""
        if not self._waiting and not self.restored:
            return
        reached, left = 0, 0
        known = {} if self._answers is None else {p.partition: at for p, at in self._answers.restored.items()}
        backlogs = self._backlogs.progress()
        for number in self._read:
            parts = [found[number] for found in (known, backlogs) if number in found]
            of_number = Restored(sum(at.reached for at in parts), sum(at.left for at in parts))
            reached, left = reached + of_number.reached, left + of_number.left
            if of_number.left:
                self._health.complain(_about(number), of_number.reason(self._what))
        self._metrics.restore_remaining.set(left)
        self.restored = dict.fromkeys(self._waiting, Restored(reached, max(1, left)))

    def pause(self, room: int) -> None:
        """Pause what nothing may be read from now, which is everything when there is no room; resume the others."""
        still = self.consumer.assignment() if room <= 0 else (*self._still(), *self._waiting)
        wanted = set(still)
        self.consumer.resume(list(self._paused - wanted))
        self.consumer.pause(list(wanted - self._paused))
        self._paused = wanted

    @property
    def is_any_paused(self) -> bool:
        """Whether an adopted partition is paused."""
        return not self._paused.issubset(self.restored)

    def given_up(self, partitions: Collection[Partition]) -> list[Partition]:
        """Forget partitions; return those that the engine has adopted, which the caller takes from it."""
        adopted = [partition for partition in partitions if partition not in self.restored]
        self._paused.difference_update(partitions)
        for partition in partitions:
            self._waiting.pop(partition, None)
            self._lost.pop(partition, None)
        wanted = {partition.partition for partition in self._waiting}
        for number in [number for number in self._read if number not in wanted]:
            self._drop(number)
        self._note()
        return adopted

    def _drop(self, number: int) -> None:
        del self._read[number]
        self._backlogs.remove(number)
        self._unopened.pop(number, None)
        self._unrestored.discard(number)
        if self._answers is not None:
            self._answers.forget([number])
        self._health.clear(_about(number))

    def close(self) -> None:
        """Read nothing any more. Kept answers are the engine's to close."""
        self._backlogs.close()


def _about(number: int) -> str:
    return f"restore {number}"
