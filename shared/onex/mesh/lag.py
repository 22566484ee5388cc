"""Lag of groups in records. Offsets include transaction markers, which no node processes."""

from collections.abc import Mapping
from dataclasses import dataclass

from onex.bus.protocols import Partition, ProtocolEventBus

_COUNTED = 200
"""Ranges of at most this many offsets are read and counted exactly. For larger ones the lag is in offsets."""


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """One partition of one group."""

    partition: Partition
    committed: int
    end: int
    lag: int


class RecordCounter:
    """Counts records in ranges of offsets. It caches the counts, and does not read an unchanged range again."""

    def __init__(self, bus: ProtocolEventBus) -> None:
        self._bus = bus
        self._counts: dict[tuple[Partition, int, int], int] = {}

    def count(self, ranges: Mapping[Partition, tuple[int, int]]) -> dict[Partition, int]:
        """Return the number of records from the first offset up to the second, which is not included."""
        short = {p: (start, end) for p, (start, end) in ranges.items() if 0 < end - start <= _COUNTED}
        unknown = {p: start for p, (start, end) in short.items() if (p, start, end) not in self._counts}
        if unknown:
            self._read(unknown, short)
        return {p: self._counts.get((p, start, end), max(0, end - start)) for p, (start, end) in ranges.items()}

    def _read(self, starts: Mapping[Partition, int], ranges: Mapping[Partition, tuple[int, int]]) -> None:
        counts = dict.fromkeys(starts, 0)
        stable = self._bus.admin.stable_ends(list(starts))
        reader = self._bus.read(starts, stable)
        try:
            for record in reader.until_end():
                counts[Partition(record.topic(), record.partition())] += 1
        finally:
            reader.close()
        if len(self._counts) > 100_000:
            self._counts.clear()
        # A range with an open transaction may contain more records later: it is not cached.
        final = {partition: count for partition, count in counts.items() if stable[partition] >= ranges[partition][1]}
        self._counts |= {(partition, *ranges[partition]): count for partition, count in final.items()}


class LagReader:
    """Reads the lag of groups."""

    def __init__(self, bus: ProtocolEventBus, counter: RecordCounter) -> None:
        self._bus = bus
        self._counter = counter

    def read(self, group: str, partitions: Mapping[Partition, tuple[int, int]]) -> list[PartitionLag]:
        """Return the lag of a group on partitions; the mapping has the first offset and the end of each."""
        positions = self._bus.admin.group_positions(group, partitions.keys())
        ranges = {
            partition: (max(first, positions[partition].offset) if partition in positions else first, end)
            for partition, (first, end) in partitions.items()
        }
        counts = self._counter.count(ranges)
        return [PartitionLag(partition, start, end, counts[partition]) for partition, (start, end) in ranges.items()]
