"""Reads a bounded sample of a topic, outside of any group. Nothing is written or committed."""

from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Final

from onex.bus.protocols import Partition, ProtocolEventBus, ProtocolRecord
from onex.bus.topics import all_partitions
from onex.errors import ConfigurationError
from onex.wire.foreign_headers import headers_of

_MOST_PARTITIONS: Final = 256
"""Partitions that are read."""
_MOST_BYTES: Final = 32 * 1024 * 1024
"""Bytes of values that are read."""
_LONGEST_READ: Final = 60.0
"""Seconds."""
_BATCH: Final = 500
_WIDER: Final = 8
"""A window that had too few records becomes this much larger: compaction and transactions leave gaps in offsets."""
_ROUNDS: Final = 3


@dataclass(frozen=True, slots=True)
class SampledRecord:
    """One record of the sample."""

    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Sample:
    """Records of a topic, in the order of their partitions."""

    topic: str
    partitions: int
    records: tuple[SampledRecord, ...]


def sample_topic(bus: ProtocolEventBus, topic: str, most: int, *, earliest: bool = False) -> Sample:
    """Return up to ``most`` committed records, the latest or the earliest of each partition in equal parts.

    Raise ConfigurationError for a topic that does not exist, BusError.
    """
    states = bus.admin.topics([topic])
    if topic not in states:
        raise ConfigurationError(
            f"{topic}: no such topic; fix the name, or set KAFKA_BOOTSTRAP_SERVERS to the cluster that has it"
        )
    partitions = all_partitions([states[topic]])
    bounds = bus.admin.ends(partitions[:_MOST_PARTITIONS])
    stable = bus.admin.stable_ends(list(bounds))
    ranges = {p: (first, stable.get(p, last)) for p, (first, last) in bounds.items() if stable.get(p, last) > first}
    share = max(1, -(-most // max(1, len(ranges))))
    window, found = share, list[SampledRecord]()
    for _ in range(_ROUNDS):
        found = _read(bus, _window(ranges, window, earliest=earliest), most, share, earliest=earliest)
        if len(found) >= most or all(end - first <= window for first, end in ranges.values()):
            break
        window *= _WIDER
    return Sample(topic, states[topic].partitions, tuple(found))


def _window(
    ranges: Mapping[Partition, tuple[int, int]], size: int, *, earliest: bool
) -> dict[Partition, tuple[int, int]]:
    """Return the offsets of each partition that are read, the second one exclusive."""
    if earliest:
        return {p: (first, min(end, first + size)) for p, (first, end) in ranges.items()}
    return {p: (max(first, end - size), end) for p, (first, end) in ranges.items()}


def _read(
    bus: ProtocolEventBus, ranges: Mapping[Partition, tuple[int, int]], most: int, share: int, *, earliest: bool
) -> list[SampledRecord]:
    if not ranges:
        return []
    found: dict[Partition, list[SampledRecord]] = {partition: [] for partition in sorted(ranges)}
    left, deadline = _MOST_BYTES, monotonic() + _LONGEST_READ
    reader = bus.read({p: first for p, (first, _) in ranges.items()}, {p: end for p, (_, end) in ranges.items()})
    try:
        while left > 0 and not reader.reached_end() and monotonic() < deadline:
            for record in reader.batch(_BATCH, 0.2):
                partition = Partition(record.topic() or "", record.partition() or 0)
                if partition not in found or (record.offset() or 0) >= ranges[partition][1]:
                    continue
                sampled = _sampled(record)
                left -= len(sampled.value or b"")
                found[partition].append(sampled)
                if left <= 0:
                    break
    finally:
        reader.close()
    parts = [part[:share] if earliest else part[-share:] for part in found.values()]
    return [record for part in parts for record in part][:most]


def _sampled(record: ProtocolRecord) -> SampledRecord:
    return SampledRecord(record.key(), record.value(), headers_of(record))
