"""How far groups are behind, in records: offsets count transaction markers, which nobody processes."""

from collections.abc import Mapping
from dataclasses import dataclass

from onex.bus.protocols import Partition, ProtocolEventBus

_COUNTED = 200
"""Gaps up to this many offsets are counted exactly, by reading them; larger ones are told as offsets."""


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """One partition of one group."""

    partition: Partition
    committed: int
    end: int
    lag: int


class LagReader:
    """Keeps what it has counted: a gap that has not changed is not read again."""

    def __init__(self, bus: ProtocolEventBus) -> None:
        self._bus = bus
        self._known: dict[tuple[Partition, int, int], int] = {}

    def read(self, group: str, partitions: Mapping[Partition, tuple[int, int]]) -> list[PartitionLag]:
        """Lag of a group on partitions given with their first offset and end."""
        positions = self._bus.admin.group_positions(group)
        committed = {
            partition: max(first, positions[partition].offset) if partition in positions else first
            for partition, (first, _) in partitions.items()
        }
        gaps = {p: (committed[p], end) for p, (_, end) in partitions.items() if 0 < end - committed[p] <= _COUNTED}
        unknown = {p: start for p, (start, end) in gaps.items() if (p, start, end) not in self._known}
        if unknown:
            self._count(unknown, gaps)
        return [
            PartitionLag(partition, start, end, self._known.get((partition, start, end), max(0, end - start)))
            for partition, start in committed.items()
            for end in [partitions[partition][1]]
        ]

    def _count(self, starts: Mapping[Partition, int], gaps: Mapping[Partition, tuple[int, int]]) -> None:
        counts = dict.fromkeys(starts, 0)
        reader = self._bus.read(starts)
        try:
            for record in reader.until_end():
                counts[Partition(record.topic(), record.partition())] += 1
        finally:
            reader.close()
        if len(self._known) > 100_000:
            self._known.clear()
        self._known |= {(partition, *gaps[partition]): count for partition, count in counts.items()}
