"""What records of a batch say about it."""

from collections.abc import Sequence
from operator import methodcaller

from onex.bus.protocols import Partition, Position, ProtocolRecord

_TOPIC, _PARTITION = methodcaller("topic"), methodcaller("partition")


def span_of(records: Sequence[ProtocolRecord]) -> tuple[dict[Partition, int], dict[Partition, Position]]:
    """Where a batch begins and where it ends, by partition; records of one partition are in order.

    Every record is looked at: partitions are interleaved and offsets have gaps, so that nothing can be told from
    the first and the last one of a run.
    """
    places = [*zip(map(_TOPIC, records), map(_PARTITION, records), strict=True)]
    first = dict(zip(reversed(places), reversed(records), strict=True))
    last = dict(zip(places, records, strict=True))
    return (
        {Partition(*place): record.offset() for place, record in first.items()},
        {Partition(*place): Position(record.offset() + 1) for place, record in last.items()},
    )


def waited(record: ProtocolRecord, now_ms: int) -> float:
    """Seconds since a record was written; 0 for one without a time, or with one that is still to come."""
    written_ms = record.timestamp()[1]
    return (now_ms - written_ms) / 1000 if 0 < written_ms < now_ms else 0.0
