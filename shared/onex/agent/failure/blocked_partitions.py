"""Partitions that stand still: what they lead to cannot be written, or a record in them ends the process."""

from collections.abc import Iterable, Mapping

import structlog

from onex.agent.telemetry.health import Health
from onex.bus.protocols import Partition
from onex.util.clock import ProtocolClock

log = structlog.get_logger(__name__)
_FIRST_WAIT = 0.1
_LONGEST_WAIT = 30.0
BLOCKED = "blocked "
"""How complaints about blocked partitions begin."""


class BlockedPartitions:
    """A held partition is paused, reported in health, and tried again with growing patience.

    One that is blocked waits for an operator, however long that takes.
    """

    def __init__(self, clock: ProtocolClock, health: Health) -> None:
        self._clock = clock
        self._health = health
        self._failed: dict[Partition, Exception] = {}
        self._waits: dict[Partition, float] = {}
        self._until: dict[Partition, float] = {}
        self._blocked: set[Partition] = set()
        self._lost: set[Partition] = set()

    def note(self, partition: Partition, error: Exception) -> None:
        """A dead letter of this partition was not written."""
        self._failed[partition] = error

    def stall_noted(self) -> list[Partition]:
        """Partitions noted since the last call; they are held from now on."""
        failed, self._failed = self._failed, {}
        return self._stall(failed, "its dead letter cannot be written")

    def stall(self, partitions: Iterable[Partition], error: Exception, why: str = "cannot commit") -> list[Partition]:
        """A batch failed for another reason: these partitions wait."""
        return self._stall(dict.fromkeys(partitions, error), why)

    def _stall(self, failed: Mapping[Partition, Exception], why: str) -> list[Partition]:
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
        ready = [p for p, until in self._until.items() if until <= now and p not in self._blocked]
        for partition in ready:
            del self._until[partition]
        return ready

    def clear(self, partitions: Iterable[Partition]) -> None:
        """These were committed: the trouble is over."""
        if not self._waits:
            return
        for partition in partitions:
            if self._waits.pop(partition, None) is not None and self._health.clear(_about(partition)):
                log.info("partition goes on", topic=partition.topic, partition=partition.partition)

    def block(self, partition: Partition, reason: str) -> None:
        """The partition goes no further until ``unblock``; outcomes of what was read before are committed."""
        self._blocked.add(partition)
        if self._health.complain(_blocked(partition), reason):
            log.error("partition blocked", topic=partition.topic, partition=partition.partition, reason=reason)

    def lose(self, partition: Partition, reason: str) -> None:
        """As ``block``, for as long as the partition is held: what it needs is lost."""
        self._lost.add(partition)
        self.block(partition, reason)

    def unblock(self, partition: Partition) -> None:
        """The partition goes on, with the next ``to_resume``."""
        if partition in self._blocked and partition not in self._lost:
            self._blocked.discard(partition)
            self._until.setdefault(partition, self._clock.monotonic())
            self._health.clear(_blocked(partition))
            log.info("partition goes on", topic=partition.topic, partition=partition.partition)

    def is_stalled(self, partition: Partition) -> bool:
        """Whether nothing of the partition can be committed now."""
        return partition in self._until

    def is_stopped(self, partition: Partition) -> bool:
        """Whether the partition is held, or blocked."""
        return partition in self._until or partition in self._blocked

    def is_blocked(self, partition: Partition) -> bool:
        """Whether the partition waits for an operator."""
        return partition in self._blocked

    @property
    def is_any_blocked(self) -> bool:
        """Whether some partition waits for an operator."""
        return bool(self._blocked)

    @property
    def numbers(self) -> set[int]:
        """Partition numbers of which anything is held or blocked: their timers wait with it."""
        return {partition.partition for partition in (*self._until, *self._blocked)}

    def forget(self, partition: Partition) -> None:
        """The partition is not ours any more."""
        self._failed.pop(partition, None)
        self._until.pop(partition, None)
        self._lost.discard(partition)
        if partition in self._blocked:
            self._blocked.discard(partition)
            self._health.clear(_blocked(partition))
        if self._waits.pop(partition, None) is not None:
            self._health.clear(_about(partition))


def _about(partition: Partition) -> str:
    return f"partition {partition.topic}[{partition.partition}]"


def _blocked(partition: Partition) -> str:
    return f"{BLOCKED}{partition.topic}[{partition.partition}]"
