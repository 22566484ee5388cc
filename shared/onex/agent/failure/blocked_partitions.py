"""Stalled and blocked partitions, from which nothing is read.

A stalled partition has a commit or a dead letter that cannot be written now. A blocked one needs a decision of an
operator: a record in it ends the process, or its records or position are lost.
"""

from collections.abc import Iterable, Mapping

import structlog

from onex.agent.telemetry.health import Health
from onex.bus.protocols import Partition
from onex.model.mesh.health import BLOCKED
from onex.util.clock import ProtocolClock

log = structlog.get_logger(__name__)
_FIRST_WAIT = 0.1
_LONGEST_WAIT = 30.0


class BlockedPartitions:
    """The stalled and blocked partitions of one instance, with their complaints in health.

    A stalled partition is tried again after a wait that doubles, from 0.1 to 30 s.
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
        """Note that a dead letter of this partition was not written. On the thread that commits."""
        self._failed[partition] = error

    def stall_noted(self) -> list[Partition]:
        """Stall the partitions that were noted since the last call, and return them."""
        failed, self._failed = self._failed, {}
        return self._stall(failed, "its dead letter cannot be written")

    def stall(self, partitions: Iterable[Partition], error: Exception, why: str = "cannot commit") -> list[Partition]:
        """Stall these partitions, because a commit failed for another reason. Return them."""
        return self._stall(dict.fromkeys(partitions, error), why)

    def _stall(self, failed: Mapping[Partition, Exception], why: str) -> list[Partition]:
        for partition, error in failed.items():
            wait = min(self._waits.get(partition, _FIRST_WAIT / 2) * 2, _LONGEST_WAIT)
            self._waits[partition] = wait
            self._until[partition] = self._clock.monotonic() + wait
            reason = f"stopped: {why}: {error}"
            if self._health.complain(_stall_of(partition), reason):
                log.error("partition stopped", topic=partition.topic, partition=partition.partition, error=str(error))
        return list(failed)

    def end_waits(self) -> list[Partition]:
        """End the stalls whose wait is over, and return their partitions. Complaints stay until a commit succeeds."""
        now = self._clock.monotonic()
        partitions = [p for p, until in self._until.items() if until <= now and p not in self._blocked]
        for partition in partitions:
            del self._until[partition]
        return partitions

    def clear(self, partitions: Iterable[Partition]) -> None:
        """Clear the complaints about partitions that were committed."""
        if not self._waits:
            return
        for partition in partitions:
            if self._waits.pop(partition, None) is not None and self._health.clear(_stall_of(partition)):
                log.info("partition continues", topic=partition.topic, partition=partition.partition)

    def block(self, partition: Partition, reason: str) -> None:
        """Read no more of the partition until ``unblock``. Outcomes of records read before are committed."""
        self._blocked.add(partition)
        if self._health.complain(_block_of(partition), reason):
            log.error("partition blocked", topic=partition.topic, partition=partition.partition, reason=reason)

    def lose(self, partition: Partition, reason: str) -> None:
        """Block the partition for as long as it is assigned, because its records or its position are lost."""
        self._lost.add(partition)
        self.block(partition, reason)

    def unblock(self, partition: Partition) -> None:
        """Let the partition continue with the next ``end_waits``. A lost one stays blocked."""
        if partition in self._blocked and partition not in self._lost:
            self._blocked.discard(partition)
            self._until.setdefault(partition, self._clock.monotonic())
            self._health.clear(_block_of(partition))
            log.info("partition continues", topic=partition.topic, partition=partition.partition)

    def is_stalled(self, partition: Partition) -> bool:
        """Return whether nothing of the partition can be committed now."""
        return partition in self._until

    def is_stopped(self, partition: Partition) -> bool:
        """Return whether the partition is stalled or blocked."""
        return partition in self._until or partition in self._blocked

    def is_blocked(self, partition: Partition) -> bool:
        """Return whether the partition waits for an operator."""
        return partition in self._blocked

    @property
    def is_any_blocked(self) -> bool:
        """Whether some partition waits for an operator."""
        return bool(self._blocked)

    @property
    def numbers(self) -> set[int]:
        """Numbers of the stalled and blocked partitions, whose timers wait, too."""
        return {partition.partition for partition in (*self._until, *self._blocked)}

    def forget(self, partition: Partition) -> None:
        """Remove a partition that is not assigned any more, and its complaints."""
        self._failed.pop(partition, None)
        self._until.pop(partition, None)
        self._lost.discard(partition)
        if partition in self._blocked:
            self._blocked.discard(partition)
            self._health.clear(_block_of(partition))
        if self._waits.pop(partition, None) is not None:
            self._health.clear(_stall_of(partition))


def _stall_of(partition: Partition) -> str:
    return f"partition {partition.topic}[{partition.partition}]"


def _block_of(partition: Partition) -> str:
    return f"{BLOCKED}{partition.topic}[{partition.partition}]"
