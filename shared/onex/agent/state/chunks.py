"""Partitions of one topic, read to their ends in chunks. The caller does other work between two chunks."""

from collections.abc import Mapping, Sequence

from onex.agent.state.restored import Restored
from onex.bus.protocols import Partition, ProtocolEventBus, ProtocolReader, ProtocolRecord

_CHUNK = 5000
_PATIENCE = 0.02
"""Seconds to wait for a chunk."""


class Chunks:
    """Reads partitions by number with one reader, so that memory does not grow with the number of partitions.

    The reader is opened again when partitions are added. It is not opened while all partitions are at their ends.
    """

    def __init__(self, bus: ProtocolEventBus, topic: str) -> None:
        self._bus = bus
        self._topic = topic
        self._at: dict[int, int] = {}
        """Next offset to read."""
        self._ends: dict[Partition, tuple[int, int]] = {}
        self._reader: ProtocolReader | None = None
        self._is_open = False

    def __contains__(self, number: int) -> bool:
        return number in self._at

    def add(self, number: int, offset: int) -> None:
        """Read this partition, too, from ``offset`` on."""
        self._stop_reading()
        self._at[number] = offset

    def remove(self, number: int) -> None:
        """Stop reading a partition. Do nothing for a partition that was not added."""
        self._ends.pop(self._partition(number), None)
        if self._at.pop(number, None) is not None and self._reader is not None:
            self._reader.drop(self._partition(number))
        if not self._at:
            self._stop_reading()

    def read(self) -> Sequence[ProtocolRecord]:
        """Return the next chunk, perhaps an empty one. Raises BusError."""
        if not self._is_open:
            self._open()
        return () if self._reader is None else self._reader.batch(_CHUNK, _PATIENCE)

    def reached(self, offsets: Mapping[int, int]) -> None:
        """Set the next offset to read by partition number: a reader that is opened again begins there."""
        self._at |= {number: offset for number, offset in offsets.items() if number in self._at}

    def ended(self) -> list[int]:
        """Return partitions that were read to their ends as of the last ``add``, and not removed since."""
        if not self._is_open:
            return []
        return [n for n in self._at if self._reader is None or self._reader.ended(self._partition(n))]

    def progress(self) -> dict[int, Restored]:
        """Return the progress of each partition whose end is known."""
        return {
            number: Restored(at, max(0, ends[1] - max(at, ends[0])))
            for number, at in self._at.items()
            if (ends := self._ends.get(self._partition(number))) is not None
        }

    def _partition(self, number: int) -> Partition:
        return Partition(self._topic, number)

    def _open(self) -> None:
        at = {self._partition(number): offset for number, offset in self._at.items()}
        self._ends = dict(self._bus.admin.ends(list(at))) if at else {}
        behind = {p: offset for p, offset in at.items() if self._ends[p][1] > max(offset, self._ends[p][0])}
        self._reader = self._bus.read(behind) if behind else None
        self._is_open = True

    def _stop_reading(self) -> None:
        self._is_open = False
        if self._reader is not None:
            self._reader.close()
            self._reader = None
