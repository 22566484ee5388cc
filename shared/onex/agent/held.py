"""Partitions that stand still because what they lead to cannot be written: a dead letter above all."""

from collections.abc import Iterable, Mapping

import structlog

from onex.agent.health import Health
from onex.bus.protocols import Partition
from onex.model.clock import ProtocolClock

log = structlog.get_logger(__name__)
_FIRST_WAIT = 0.1
_LONGEST_WAIT = 30.0


class HeldPartitions:
    """A held partition is paused, reported in health, and tried again with growing patience."""

    def __init__(self, clock: ProtocolClock, health: Health) -> None:
        self._clock = clock
        self._health = health
        self._failed: dict[Partition, Exception] = {}
        self._waits: dict[Partition, float] = {}
        self._until: dict[Partition, float] = {}

    def note(self, partition: Partition, error: Exception) -> None:
        """A dead letter of this partition was not written."""
        self._failed[partition] = error

    def hold(self) -> list[Partition]:
        """Partitions noted since the last call; they are held from now on."""
        failed, self._failed = self._failed, {}
        return self._hold(failed, "its dead letter cannot be written")

    def hold_all(self, partitions: Iterable[Partition], error: Exception) -> list[Partition]:
        """A commit failed for another reason: everything that was in it waits."""
        return self._hold(dict.fromkeys(partitions, error), "cannot commit")

    def _hold(self, failed: Mapping[Partition, Exception], why: str) -> list[Partition]:
        for partition, error in failed.items():
            wait = min(self._waits.get(partition, _FIRST_WAIT / 2) * 2, _LONGEST_WAIT)
            self._waits[partition] = wait
            self._until[partition] = self._clock.monotonic() + wait
            reason = f"stopped: {why}: {error}"
            if self._health.complain(_about(partition), reason):
                log.error("partition stopped", topic=partition.topic, partition=partition.partition, error=str(error))
        return list(failed)

    def to_resume(self) -> list[Partition]:
        """Partitions whose wait is over; they stay in health until a commit succeeds."""
        now = self._clock.monotonic()
        ready = [partition for partition, until in self._until.items() if until <= now]
        for partition in ready:
            del self._until[partition]
        return ready

    def settle(self, partitions: Iterable[Partition]) -> None:
        """These were committed: the trouble is over."""
        if not self._waits:
            return
        for partition in partitions:
            if self._waits.pop(partition, None) is not None and self._health.settle(_about(partition)):
                log.info("partition goes on", topic=partition.topic, partition=partition.partition)

    def is_held(self, partition: Partition) -> bool:
        """Whether the partition waits now."""
        return partition in self._until

    def numbers(self) -> set[int]:
        """Partition numbers of which anything waits now: their timers wait with it."""
        return {partition.partition for partition in self._until}

    def forget(self, partition: Partition) -> None:
        """The partition is not ours any more."""
        self._failed.pop(partition, None)
        self._until.pop(partition, None)
        if self._waits.pop(partition, None) is not None:
            self._health.settle(_about(partition))


def _about(partition: Partition) -> str:
    return f"partition {partition.topic}[{partition.partition}]"
