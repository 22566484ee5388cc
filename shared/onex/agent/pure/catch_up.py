"""After an interruption, timers wait for the inputs that arrived meanwhile: one of them may cancel a timer.

An interruption is a pause of the node, an assignment, or a stall of the process.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from math import ceil

from onex.bus.protocols import Partition, ProtocolEventBus, ProtocolReader
from onex.util.clock import ProtocolClock

_STALL = 2.0
"""Seconds without a read and without work, after which inputs may have arrived that the client has not fetched."""
_QUIET = 1.0
"""Seconds without progress after which a partition is examined. A client needs up to a second to fetch records of a
partition that was paused."""
_LONGEST_QUIET = 30.0
_RECORDS = 100
"""Records that an examination reads in one call."""


@dataclass(slots=True)
class _Wait:
    """A partition that is not read to the end that it had after the interruption."""

    end: int
    done: int
    """Offset below which every record is done."""
    quiet: float
    """Seconds without progress until it is examined."""
    look_at: float
    """Monotonic time of that."""


class CatchUp:
    """Holds timers by partition number, until the inputs of this number are done that the interruption left.

    Offsets alone do not show that: markers of transactions have offsets, and no record follows them. When a partition
    makes no progress, a reader outside of the group looks for records between its position and its end. No wait ends
    because of the time alone.
    """

    def __init__(
        self,
        bus: ProtocolEventBus,
        assignment: Callable[[], Sequence[Partition]],
        done: Callable[[Partition], int],
        is_stopped: Callable[[Partition], bool],
        clock: ProtocolClock,
    ) -> None:
        """``done`` returns the offset below which every record of a partition is done. ``is_stopped``: whether no
        records of a partition are read now; such a partition is not examined."""
        self._bus = bus
        self._assignment = assignment
        self._done = done
        self._is_stopped = is_stopped
        self._clock = clock
        self._read_at = clock.monotonic()
        self._new: set[Partition] = set()
        """Partitions whose ends are not known yet."""
        self._waits: dict[Partition, _Wait] = {}
        self._examined: dict[Partition, _Wait] = {}
        self._reader: ProtocolReader | None = None
        """Reads the partitions that are examined."""

    def hold(self, partitions: Iterable[Partition]) -> None:
        """Have timers wait for the records that these partitions have at the next look."""
        self._new.update(partitions)

    def hold_all(self) -> None:
        """Have the timers of all assigned partitions wait."""
        self.hold(self._assignment())

    def read(self) -> None:
        """Note a read. After a stall, timers wait."""
        now = self._clock.monotonic()
        if now - self._read_at > _STALL:
            self.hold_all()
        self._read_at = now

    def worked(self) -> None:
        """Note that the time since the last read was spent on a batch, which is no stall."""
        self._read_at = self._clock.monotonic()

    def forget(self, partition: Partition) -> None:
        """Forget a partition that is assigned to another instance."""
        self._new.discard(partition)
        self._waits.pop(partition, None)

    def holds(self, number: int) -> bool:
        """Return whether timers of this partition number wait."""
        return any(partition.partition == number for waiting in (self._new, self._waits) for partition in waiting)

    def look(self, numbers: Collection[int]) -> None:
        """Release the partitions that are done. Raise BusError.

        ``numbers`` are those with timers: only their partitions are examined.
        """
        now = self._clock.monotonic()
        for partition, end in self._bus.admin.stable_ends(self._new).items() if self._new else ():
            self._hold_until(partition, end, now)
        self._new.clear()
        for partition, wait in list(self._waits.items()):
            if (done := self._done(partition)) >= wait.end:
                del self._waits[partition]
            elif done > wait.done:
                wait.done, wait.quiet, wait.look_at = done, _QUIET, now + _QUIET
        if self._reader is None:
            self._examine(now, numbers)
        if self._reader is not None:
            self._read(self._reader, now)

    def _hold_until(self, partition: Partition, end: int, now: float) -> None:
        """Wait for the records before an end. What an earlier wait found stays: interruptions may follow closely."""
        wait = self._waits.get(partition)
        if wait is None:
            self._waits[partition] = _Wait(end, -1, _QUIET, now)
        elif wait.end != end:  # an examination that has begun does not see the records that came
            self._waits[partition] = replace(wait, end=end)

    def looks_ms(self, number: int) -> int | None:
        """Return when ``look`` may find more, in milliseconds since 1970; None while only a record or reader can."""
        if any(partition.partition == number for partition in self._new):
            return self._clock.now_ms()
        times = [wait.look_at for at, wait in self._waits.items() if at.partition == number and self._may_examine(at)]
        return None if not times else self._clock.now_ms() + ceil((min(times) - self._clock.monotonic()) * 1000)

    def _may_examine(self, partition: Partition) -> bool:
        return self._reader is None and not self._is_stopped(partition)

    def _examine(self, now: float, numbers: Collection[int]) -> None:
        """Begin to look for records of partitions that are quiet."""
        self._examined = {
            partition: wait
            for partition, wait in self._waits.items()
            if partition.partition in numbers and wait.look_at <= now and self._may_examine(partition)
        }
        if not self._examined:
            return
        ends = self._bus.admin.stable_ends(self._examined)  # a log that lost its end has fewer records than it had
        starts = {partition: wait.done for partition, wait in self._examined.items()}
        self._reader = self._bus.read(starts, {p: min(wait.end, ends[p]) for p, wait in self._examined.items()})

    def _read(self, reader: ProtocolReader, now: float) -> None:
        """Release examined partitions without a record. The others are examined again after a longer time."""
        while records := reader.batch(_RECORDS, 0.0):
            for partition in {Partition(record.topic(), record.partition()) for record in records}:
                reader.drop(partition)
                if (wait := self._examined.pop(partition, None)) is not None:
                    wait.quiet = min(2 * wait.quiet, _LONGEST_QUIET)
                    wait.look_at = now + wait.quiet
        for partition, wait in list(self._examined.items()):
            if reader.ended(partition):
                del self._examined[partition]
                if self._waits.get(partition) is wait:
                    del self._waits[partition]
        if not self._examined:
            self.close()

    def close(self) -> None:
        """End the examination."""
        if self._reader is not None:
            self._reader.close()
        self._reader = None
