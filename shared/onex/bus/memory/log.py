"""A partition as a list, with open, committed and aborted transactions in it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from onex.bus.protocols import Headers


class TransactionState(Enum):
    """What became of the transaction a record belongs to."""

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
"""Of records that compaction has removed: their offsets stay empty."""


@dataclass(frozen=True, slots=True)
class MemoryRecord:
    """See :class:`ProtocolRecord`."""

    _topic: str
    _partition: int
    _offset: int
    _key: bytes | None
    _value: bytes | None
    _headers: tuple[tuple[str, bytes], ...]
    _timestamp_ms: int
    mark: TransactionMark = COMMITTED

    def topic(self) -> str:
        return self._topic

    def partition(self) -> int:
        return self._partition

    def offset(self) -> int:
        return self._offset

    def key(self) -> bytes | None:
        return self._key

    def value(self) -> bytes | None:
        return self._value

    def headers(self) -> Headers | None:
        return list(self._headers) or None

    def timestamp(self) -> tuple[int, int]:
        return 1, self._timestamp_ms


@dataclass(slots=True)
class PartitionLog:
    """Records in order. A reader sees up to the first open transaction, and nothing of aborted ones."""

    records: list[MemoryRecord] = field(default_factory=list)
    """By offset, removed ones included."""
    start: int = 0
    """First offset that is still there."""
    _horizons: dict[int, int] = field(default_factory=dict)
    """Offsets of tombstones, and the Unix time in milliseconds from which a cleaning removes them."""

    def stable_end(self) -> int:
        """How far committed readers get."""
        still_open = (at for at, record in enumerate(self.records) if record.mark.state is TransactionState.OPEN)
        return next(still_open, len(self.records))

    def visible(self, start: int, most: int) -> tuple[Sequence[MemoryRecord], int]:
        """Committed records from ``start``, at most ``most``, and the offset to go on from."""
        found: list[MemoryRecord] = []
        at = max(start, self.start)
        while at < len(self.records) and len(found) < most:
            record = self.records[at]
            if record.mark.state is TransactionState.OPEN:
                break
            if record.mark.state is TransactionState.COMMITTED:
                found.append(record)
            at += 1
        return found, at

    def truncate(self, start: int) -> None:
        """Remove everything before an offset, as retention and ``DeleteRecords`` do."""
        self.start = max(self.start, min(start, len(self.records)))

    def compact(self, now_ms: int, delete_retention_ms: int) -> None:
        """Keep the latest committed record of every key.

        A tombstone stays for ``delete_retention_ms`` after the first cleaning that met it, as in Kafka (KIP-534).
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
