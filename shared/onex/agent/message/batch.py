"""Facts about a batch, from its records."""

from collections.abc import Sequence
from operator import methodcaller

from onex.bus.protocols import Partition, Position, ProtocolRecord

_TOPIC, _PARTITION = methodcaller("topic"), methodcaller("partition")


def span_of(records: Sequence[ProtocolRecord]) -> tuple[dict[Partition, int], dict[Partition, Position]]:
    """Return the first offset of a batch and the position after it, by partition.

    Records of a partition are in order. Partitions are interleaved and offsets have gaps, so that the first and the
    last record of a run are not enough.
    """
    partitions = [*zip(map(_TOPIC, records), map(_PARTITION, records), strict=True)]
    first = dict(zip(reversed(partitions), reversed(records), strict=True))
    last = dict(zip(partitions, records, strict=True))
    return (
        {Partition(*partition): record.offset() for partition, record in first.items()},
        {Partition(*partition): Position(record.offset() + 1) for partition, record in last.items()},
    )


def waited(record: ProtocolRecord, now_ms: int) -> float:
    """Return the seconds since a record was written; 0 for a record without a time, or with one in the future."""
    written_ms = record.timestamp()[1]
    return (now_ms - written_ms) / 1000 if 0 < written_ms < now_ms else 0.0
