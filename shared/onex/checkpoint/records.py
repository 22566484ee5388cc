"""Layout of the topic of checkpoints: manifests by name on number 0, copies of records on the others.

The key of a copy is the id of the checkpoint and the key in the changelog, so that compaction removes no copy.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import Final

from onex.bus.protocols import Emitted, Partition, ProtocolEventBus, ProtocolRecord, ProtocolTransaction
from onex.errors import BusError, TransientError

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


def never() -> bool:
    """Return False: the caller lets the work end."""
    return False


def nothing(_: ProtocolTransaction) -> None:
    """Add nothing to a transaction."""


def read_part(
    bus: ProtocolEventBus, partition: Partition, first: int, end: int, stopped: Callable[[], bool] = never
) -> Iterator[ProtocolRecord]:
    """Yield the committed records of a partition from ``first`` up to ``end``.

    Raise TransientError when ``stopped`` returns True meanwhile, BusError.
    """
    if first >= end:
        return
    with closing(bus.read({partition: first}, {partition: end})) as reader:
        for record in reader.until_end():
            if stopped():
                raise TransientError(f"reading {partition.topic}[{partition.partition}] was stopped")
            if record.offset() < end:
                yield record


class Writer:
    """Writes records in transactions of bounded size. No transaction is open while the caller reads.

    Records that are not flushed never become visible.
    """

    def __init__(self, transaction: ProtocolTransaction) -> None:
        self._transaction = transaction
        self._waiting: list[tuple[Emitted, int]] = []
        self._bytes = 0

    def add(self, topic: str, key: bytes, value: bytes | None, number: int) -> None:
        """Write one record. Raise BusError."""
        size = len(key) + len(value or b"")
        if len(self._waiting) >= _MOST_RECORDS or self._bytes + size > _MOST_BYTES:
            self.flush()
        self._waiting.append(((topic, value, key, []), number))
        self._bytes += size

    def flush(self, note: Callable[[ProtocolTransaction], None] = nothing) -> None:
        """Commit the records so far, if there are any, with what ``note`` adds. Raise BusError."""
        if not self._waiting:
            return
        self._transaction.begin()
        try:
            for record, number in self._waiting:
                self._transaction.produce(*record, number)
            note(self._transaction)
            self._transaction.commit(None, {})
        except BaseException:
            with suppress(BusError):  # that of the record or the commit says why
                self._transaction.abort()
            raise
        self._waiting.clear()
        self._bytes = 0

    def close(self) -> None:
        """Release the producer."""
        self._transaction.close()
