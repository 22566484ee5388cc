"""Layout of the topic of checkpoints: manifests by name on number 0, copies of records on the others.

The key of a copy is the id of the checkpoint and the key in the changelog, so that compaction removes no copy.
"""

from collections.abc import Iterator
from contextlib import closing
from typing import Final

from onex.bus.protocols import Partition, ProtocolEventBus, ProtocolRecord, ProtocolTransaction

MANIFESTS: Final = 0
_MANIFEST, _COPY = b"m", b"c"
_MOST_RECORDS, _MOST_BYTES = 1_000, 1_048_576
"""Of one transaction. A larger record is one of its own."""


def manifest_key(name: str) -> bytes:
    """Return the key of a manifest."""
    return _MANIFEST + name.encode()


def is_manifest(key: bytes) -> bool:
    """Whether a record of number 0 has the key of a manifest."""
    return key.startswith(_MANIFEST)


def copy_place(topic: str, number: int) -> Partition:
    """Return the partition for the copy of a partition of the changelog."""
    return Partition(topic, number + 1)


def copy_prefix(identity: str) -> bytes:
    """Return the beginning of the keys of all copies of a checkpoint."""
    return _COPY + identity.encode()


def read_part(bus: ProtocolEventBus, partition: Partition, first: int, end: int) -> Iterator[ProtocolRecord]:
    """Yield the committed records of a partition from ``first`` up to ``end``. Raise BusError."""
    if first >= end:
        return
    with closing(bus.read({partition: first}, {partition: end})) as reader:
        for record in reader.until_end():
            if record.offset() < end:
                yield record


class Writer:
    """Writes records in transactions of bounded size. Close it; records that are not flushed never become visible."""

    def __init__(self, transaction: ProtocolTransaction) -> None:
        self._transaction = transaction
        self._records = self._bytes = 0

    def add(self, topic: str, key: bytes, value: bytes | None, number: int) -> None:
        """Write one record. Raise BusError."""
        size = len(key) + len(value or b"")
        if self._records and (self._records >= _MOST_RECORDS or self._bytes + size > _MOST_BYTES):
            self.flush()
        if not self._records:
            self._transaction.begin()
        self._transaction.produce(topic, value, key, [], number)
        self._records += 1
        self._bytes += size

    def flush(self) -> None:
        """Commit the records so far. Raise BusError."""
        if self._records:
            self._transaction.commit(None, {})
            self._records = self._bytes = 0

    def close(self) -> None:
        """Drop records that are not flushed, and release the producer."""
        try:
            if self._records:
                self._records = 0
                self._transaction.abort()
        finally:
            self._transaction.close()
