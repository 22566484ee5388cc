"""After an interruption, timers wait for the inputs that arrived meanwhile: one of them may cancel a timer.

An interruption is a pause of the node, an assignment, a stall or block of a partition, a stall of the process, or a
time in which a capability has closed the intake.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from math import ceil

import structlog

from onex.bus.protocols import Partition, ProtocolEventBus, ProtocolReader
from onex.errors import BusError, FencedError
from onex.util.clock import ProtocolClock
from onex.util.error_text import text_of

log = structlog.get_logger(__name__)
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
    end_at_ms: int
    """When it had this end, in milliseconds since 1970."""
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
        """Partitions whose ends are to be looked up."""
        self._waits: dict[Partition, _Wait] = {}
        self._done_at_ms: dict[Partition, int] = {}
        """Times before which every record of a partition arrived that has been waited for."""
        self._examined: dict[Partition, _Wait] = {}
        self._reader: ProtocolReader | None = None
        """Reads the partitions that are examined."""
        self._fails_until = -1.0
        """Monotonic time of the next look after one that has failed; negative when the last one has not."""

    def hold(self, partitions: Iterable[Partition]) -> None:
        """Have timers wait for the records that these partitions have when they are read again.

        A wait that has begun goes on first, and releases the timers that were due when it began: interruptions that
        follow one another delay no timer for ever.
        """
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
        """Note that the time since the last read was spent on a batch, which is no stall.

        A process that was suspended within a batch is taken for one that worked, unless the suspension has outlasted
        the transaction or the session of the group.
        """
        self._read_at = self._clock.monotonic()

    def forget(self, partition: Partition) -> None:
        """Forget a partition that is assigned to another instance."""
        self._new.discard(partition)
        self._waits.pop(partition, None)
        self._done_at_ms.pop(partition, None)

    def holds(self, number: int) -> bool:
        """Return whether timers of this partition number wait."""
        return any(partition.partition == number for waiting in (self._new, self._waits) for partition in waiting)

    def released_ms(self, number: int, now_ms: int) -> int:
        """Return the latest due time of timers that need not wait: ``now_ms``, or an earlier time."""
        waiting = {partition for partition in (*self._new, *self._waits) if partition.partition == number}
        return min((self._done_at_ms.get(partition, -1) for partition in waiting), default=now_ms)

    def look(self, numbers: Collection[int]) -> None:
        """Release the partitions that are done. Raise FencedError.

        ``numbers`` are those with timers: only their partitions are examined. When a request about ends or records
        fails, the timers wait, and the engine continues.
        """
        now = self._clock.monotonic()
        if now < self._fails_until:
            return
        try:
            self._look(numbers, now)
        except FencedError:
            raise
        except BusError as error:
            if self._fails_until < 0:
                log.warning("timers wait, because it cannot be read which inputs have arrived", reason=text_of(error))
            self._fails_until = now + _QUIET
            self.close()
        else:
            self._fails_until = -1.0

    def _look(self, numbers: Collection[int], now: float) -> None:
        self._release_done(now)
        # The records of a stopped partition are not read yet. It is known what it has when it continues.
        if reading := [p for p in self._new if p not in self._waits and not self._is_stopped(p)]:
            now_ms = self._clock.now_ms()
            for partition, end in self._bus.admin.stable_ends(reading).items():
                self._waits[partition] = _Wait(end, now_ms, -1, _QUIET, now)
            self._new.difference_update(reading)
            self._release_done(now)
        if self._reader is None:
            self._examine(now, numbers)
        if self._reader is not None:
            self._read(self._reader, now)

    def _release_done(self, now: float) -> None:
        """Release the partitions that are read to their ends, and note the progress of the others."""
        for partition, wait in list(self._waits.items()):
            if (done := self._done(partition)) >= wait.end:
                self._release(partition)
            elif done > wait.done:
                wait.done, wait.quiet, wait.look_at = done, _QUIET, now + _QUIET

    def _release(self, partition: Partition) -> None:
        self._done_at_ms[partition] = self._waits.pop(partition).end_at_ms

    def looks_ms(self, number: int) -> int | None:
        """Return when ``look`` may find more, in milliseconds since 1970; None while only a record or reader can."""
        now = self._clock.monotonic()
        times = [wait.look_at for at, wait in self._waits.items() if at.partition == number and self._may_examine(at)]
        if any(p.partition == number and p not in self._waits and not self._is_stopped(p) for p in self._new):
            times.append(now)
        if not times:
            return None
        return self._clock.now_ms() + ceil((max(min(times), self._fails_until) - now) * 1000)

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
                    self._release(partition)
        if not self._examined:
            self.close()

    def close(self) -> None:
        """End the examination."""
        if self._reader is not None:
            self._reader.close()
        self._reader = None
