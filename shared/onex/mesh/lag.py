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


class RecordCounter:
    """Keeps what it has counted: a range that has not changed is not read again."""

    def __init__(self, bus: ProtocolEventBus) -> None:
        self._bus = bus
        self._known: dict[tuple[Partition, int, int], int] = {}

    def count(self, ranges: Mapping[Partition, tuple[int, int]]) -> dict[Partition, int]:
        """Records from the first offset up to, not including, the second."""
        short = {p: (start, end) for p, (start, end) in ranges.items() if 0 < end - start <= _COUNTED}
        unknown = {p: start for p, (start, end) in short.items() if (p, start, end) not in self._known}
        if unknown:
            self._read(unknown, short)
        return {p: self._known.get((p, start, end), max(0, end - start)) for p, (start, end) in ranges.items()}

    def _read(self, starts: Mapping[Partition, int], ranges: Mapping[Partition, tuple[int, int]]) -> None:
        counts = dict.fromkeys(starts, 0)
        stable = self._bus.admin.stable_ends(list(starts))
        reader = self._bus.read(starts, stable)
        try:
            for record in reader.until_end():
                counts[Partition(record.topic(), record.partition())] += 1
        finally:
            reader.close()
        if len(self._known) > 100_000:
            self._known.clear()
        # What is in an open transaction may be counted the next time.
        settled = {
            partition: count for partition, count in counts.items() if stable[partition] >= ranges[partition][1]
        }
        self._known |= {(partition, *ranges[partition]): count for partition, count in settled.items()}


class LagReader:
    """Lag of groups."""

    def __init__(self, bus: ProtocolEventBus, counter: RecordCounter) -> None:
        self._bus = bus
        self._counter = counter

    def read(self, group: str, partitions: Mapping[Partition, tuple[int, int]]) -> list[PartitionLag]:
        """Lag of a group on partitions given with their first offset and end."""
        positions = self._bus.admin.group_positions(group, partitions.keys())
        gaps = {
            partition: (max(first, positions[partition].offset) if partition in positions else first, end)
            for partition, (first, end) in partitions.items()
        }
        counts = self._counter.count(gaps)
        return [PartitionLag(partition, start, end, counts[partition]) for partition, (start, end) in gaps.items()]
