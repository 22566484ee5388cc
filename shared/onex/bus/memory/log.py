"""A partition as a list, with open, committed and aborted transactions in it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from typing_extensions import override

from onex.bus.protocols import Headers, ProtocolRecord


class TransactionState(Enum):
    """State of the transaction that a record belongs to."""

    OPEN = "open"
    COMMITTED = "committed"
    ABORTED = "aborted"


@dataclass(slots=True, eq=False)
class TransactionMark:
    """Shared by all records of one transaction."""

    state: TransactionState = TransactionState.OPEN
    began_ms: int = 0


COMMITTED = TransactionMark(TransactionState.COMMITTED)
REMOVED = TransactionMark(TransactionState.ABORTED)
"""Mark of records that compaction has removed: their offsets stay empty."""


@dataclass(frozen=True, slots=True)
class MemoryRecord(ProtocolRecord):
    """A record in the log of a partition."""

    _topic: str
    _partition: int
    _offset: int
    _key: bytes | None
    _value: bytes | None
    _headers: tuple[tuple[str, bytes], ...]
    _timestamp_ms: int
    mark: TransactionMark = COMMITTED

    @override
    def topic(self) -> str:
        return self._topic

    @override
    def partition(self) -> int:
        return self._partition

    @override
    def offset(self) -> int:
        return self._offset

    @override
    def key(self) -> bytes | None:
        return self._key

    @override
    def value(self) -> bytes | None:
        return self._value

    @override
    def headers(self) -> Headers | None:
        return list(self._headers) or None

    @override
    def timestamp(self) -> tuple[int, int]:
        return 1, self._timestamp_ms


@dataclass(slots=True)
class PartitionLog:
    """Records in order. Readers read up to the first open transaction, and no record of an aborted one."""

    records: list[MemoryRecord] = field(default_factory=list)
    """By offset, removed ones included."""
    start: int = 0
    """First offset that is not deleted."""
    _horizons: dict[int, int] = field(default_factory=dict)
    """By offset of a tombstone, the Unix time in milliseconds from which a cleaning removes them."""

    def stable_end(self) -> int:
        """Return the last stable offset, up to which committed readers read."""
        still_open = (at for at, record in enumerate(self.records) if record.mark.state is TransactionState.OPEN)
        return next(still_open, len(self.records))

    def visible(self, start: int, most: int) -> tuple[Sequence[MemoryRecord], int]:
        """Return at most ``most`` committed records from ``start`` on, and the offset to continue at."""
        records: list[MemoryRecord] = []
        at = max(start, self.start)
        while at < len(self.records) and len(records) < most:
            record = self.records[at]
            if record.mark.state is TransactionState.OPEN:
                break
            if record.mark.state is TransactionState.COMMITTED:
                records.append(record)
            at += 1
        return records, at

    def truncate(self, start: int) -> None:
        """Delete the records before an offset, as retention and ``DeleteRecords`` do."""
        self.start = max(self.start, min(start, len(self.records)))

    def compact(self, now_ms: int, delete_retention_ms: int) -> None:
        """Keep the latest committed record of every key.

        A tombstone stays for ``delete_retention_ms`` after the first cleaning that finds it, as in Kafka (KIP-534).
        """
        end = self.stable_end()
        latest = {
            record.key(): at
            for at, record in enumerate(self.records[:end])
            if at >= self.start and record.mark.state is TransactionState.COMMITTED
        }
        for at in range(self.start, end):
            record = self.records[at]
            if record.mark.state is not TransactionState.COMMITTED:
                continue
            is_latest = latest[record.key()] == at
            if is_latest and record.value() is None:
                is_latest = self._horizons.setdefault(at, now_ms + delete_retention_ms) > now_ms
            if not is_latest:
                self._remove(at)

    def _remove(self, at: int) -> None:
        self.records[at] = replace(self.records[at], mark=REMOVED)
        self._horizons.pop(at, None)
