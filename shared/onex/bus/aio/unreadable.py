"""Records with a header name that is not UTF-8, for aiokafka.

aiokafka cannot decode the batch of such a record and stops reading its partition: each fetch raises the error again,
and the other records of the batch are lost with it. This module decodes batches that aiokafka cannot: every record is
read, and a name that is not UTF-8 is an :class:`UnreadableName`. Seen with aiokafka 0.14.
"""

from collections.abc import Iterator
from struct import unpack_from
from typing import SupportsIndex, overload

import aiokafka.consumer.fetcher as fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

_LENGTH_AT, _OVERHEAD, _MAGIC_AT, _WITH_HEADERS = 8, 12, 16, 2


class UnreadableName(str):
    """A header name that is not UTF-8. Its invalid bytes are surrogates (PEP 383)."""

    __slots__ = ()


class _Bytes(bytearray):
    """A buffer whose slices decode to header names."""

    @overload
    def __getitem__(self, place: SupportsIndex, /) -> int: ...
    @overload
    def __getitem__(self, place: slice, /) -> "_Bytes": ...
    def __getitem__(self, place: SupportsIndex | slice, /) -> "int | _Bytes":
        return _Bytes(super().__getitem__(place)) if isinstance(place, slice) else super().__getitem__(place)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        try:
            return super().decode(encoding, errors)
        except UnicodeDecodeError:
            return UnreadableName(super().decode(encoding, "surrogateescape"))


class _LenientBatch(_DefaultRecordBatchPy):  # type: ignore[misc]  # final only for type checkers
    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer: bytearray = _Bytes(self._buffer)


class _Batch:
    """A batch of aiokafka. Iterating continues where aiokafka cannot decode a record."""

    def __init__(self, batch: Iterator[object], raw: bytes) -> None:
        self._batch = batch
        self._raw = raw

    def __getattr__(self, name: str) -> object:
        return getattr(self._batch, name)

    def __next__(self) -> object:
        return next(self._batch)

    def __iter__(self) -> Iterator[object]:
        done = 0
        try:
            for record in self._batch:
                yield record
                done += 1
        except (UnicodeDecodeError, CorruptRecordException):
            records = iter(_LenientBatch(self._raw))
            for _ in range(done):
                next(records)
            yield from records


class ReadableRecords:
    """aiokafka's ``MemoryRecords``: the batches of one partition in a fetch."""

    def __init__(self, data: bytes) -> None:
        self._records = MemoryRecords(data)
        self._data = data
        self._at = 0

    def size_in_bytes(self) -> int:
        """Return the length of all batches."""
        return int(self._records.size_in_bytes())

    def has_next(self) -> bool:
        """Return whether a whole batch is left."""
        return bool(self._records.has_next())

    def next_batch(self) -> Iterator[object] | None:
        """Return the next batch; None at the end."""
        batch: Iterator[object] | None = self._records.next_batch()
        if batch is None:
            return None
        (length,) = unpack_from(">i", self._data, self._at + _LENGTH_AT)
        start, self._at = self._at, self._at + _OVERHEAD + length
        if self._data[start + _MAGIC_AT] < _WITH_HEADERS:
            return batch
        return _Batch(batch, self._data[start : self._at])


def read_all_headers() -> None:
    """Have every aiokafka consumer of this process read such records. Other records stay as they are."""
    fetcher.MemoryRecords = ReadableRecords
