"""After a pause, timers wait for the inputs that arrived during the pause: one of them may cancel a timer."""

from collections.abc import Callable, Sequence

from onex.bus.protocols import Partition, ProtocolConsumer, ProtocolEventBus, ProtocolRecord
from onex.util.clock import ProtocolClock

_QUIET, _QUIET_PARTITION = 2.0, 10.0
"""Seconds after which no record is expected: when a read had none at all, and when reads had only records of other
partitions.

A client needs up to a second to fetch records of a partition that was paused. Offsets alone are not enough:
transaction markers have offsets, too.
"""


class CatchUp:
    """Holds the timers of one engine from a pause until the inputs are read that the end of the pause had found."""

    def __init__(self, bus: ProtocolEventBus, is_stopped: Callable[[Partition], bool], clock: ProtocolClock) -> None:
        """``is_stopped``: whether no records of a partition are read for another reason. Nothing waits for those."""
        self._bus = bus
        self._is_stopped = is_stopped
        self._clock = clock
        self.is_holding = False
        """Whether timers wait."""
        self._since: float | None = None
        """Monotonic time of the end of the pause; None before that."""
        self._ends: dict[Partition, int] = {}
        """Partitions that are not read to the end that they had when the pause ended, with that end."""
        self._read_at: dict[Partition, float] = {}
        """When a record of a partition was read."""

    def hold(self) -> None:
        """Have timers wait: the node is paused."""
        self.is_holding = True
        self._since = None

    def is_over(self, consumer: ProtocolConsumer, records: Sequence[ProtocolRecord]) -> bool:
        """Return whether timers may fire. Call it with the records of each read of a node that is not paused.

        Raise BusError.
        """
        if not self.is_holding:
            return True
        now = self._clock.monotonic()
        if self._since is None:
            positions = consumer.positions()
            ends = self._bus.admin.ends(consumer.assignment())
            self._ends = {p: end for p, (first, end) in ends.items() if max(first, positions.get(p, -1)) < end}
            self._read_at = {}
            self._since = now
        self._note(records, now)
        is_quiet = not records and now - self._since >= _QUIET
        self.is_holding = not is_quiet and any(self._waits_for(partition, now) for partition in self._ends)
        return not self.is_holding

    def _note(self, records: Sequence[ProtocolRecord], now: float) -> None:
        for record in records:
            partition = Partition(record.topic(), record.partition())
            self._read_at[partition] = now
            if record.offset() + 1 >= self._ends.get(partition, 0):
                self._ends.pop(partition, None)

    def _waits_for(self, partition: Partition, now: float) -> bool:
        assert self._since is not None
        read_at = self._read_at.get(partition, self._since)
        return now - read_at < _QUIET_PARTITION and not self._is_stopped(partition)
