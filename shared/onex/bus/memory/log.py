"""A partition as a list, with open, committed and aborted transactions in it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
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


COMMITTED = TransactionMark(TransactionState.COMMITTED)


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

    def stable_end(self) -> int:
        """How far committed readers get."""
        still_open = (at for at, record in enumerate(self.records) if record.mark.state is TransactionState.OPEN)
        return next(still_open, len(self.records))

    def visible(self, start: int, most: int) -> tuple[Sequence[MemoryRecord], int]:
        """Committed records from ``start``, at most ``most``, and the offset to go on from."""
        found: list[MemoryRecord] = []
        at = start
        while at < len(self.records) and len(found) < most:
            record = self.records[at]
            if record.mark.state is TransactionState.OPEN:
                break
            if record.mark.state is TransactionState.COMMITTED:
                found.append(record)
            at += 1
        return found, at
