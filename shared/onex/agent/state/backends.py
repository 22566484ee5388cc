"""Stores of the keyed state of a partition on this machine: RocksDB, or memory for tests."""

import math
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import structlog
from rocksdict import AccessType, Rdict, WriteBatch, WriteOptions
from typing_extensions import override

from onex.agent.state.memory import CacheBudget, StateMemory
from onex.errors import StateStoreError
from onex.util.clock import ProtocolClock, SystemClock

log = structlog.get_logger(__name__)
_CHECKPOINT = b"\x00checkpoint"
_IDENTITY = b"\x00identity"
_SEEN = b"\x00seen"
"""When the store was last known to be complete up to its checkpoint: Unix time in milliseconds."""
_MEMORY_CACHE = 64 * 1024 * 1024
_LONGEST_ABSENCE_MS = 12 * 3_600_000
"""Half of Kafka's default ``delete.retention.ms``."""
_DAMAGE = ("Corruption", "No such file or directory")
"""Words of RocksDB about files that are not as it has left them; it reports a full or missing disk in others."""
ASIDE = ".damaged"
"""Suffix of the folder of a damaged store. The next damaged store replaces it."""
_SYSTEM = SystemClock()

Change = tuple[bytes, bytes | None]
"""Key and new value; None deletes."""


class ProtocolBackend(Protocol):
    """Bytes by key, complete up to an offset of the changelog. Methods raise StateStoreError."""

    budget: CacheBudget
    """Memory for decoded values."""

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a key."""
        ...

    def write(self, changes: Iterable[Change], checkpoint: int, *, at_end: bool = False) -> None:
        """Apply changes and move the checkpoint, both or neither.

        ``at_end``: the store has reached the end of its changelog.
        """
        ...

    def checkpoint(self) -> int:
        """Return the changelog offset to restore from; 0 for an empty store."""
        ...

    def mark_complete(self) -> None:
        """Note that the store has reached the end of its changelog."""
        ...

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the pairs whose key starts with ``prefix``, in the order of the keys."""
        ...

    def size(self) -> tuple[int, int]:
        """Return the estimated number of keys, and bytes."""
        ...

    def close(self) -> None:
        """Release the store."""
        ...


OpenBackend = Callable[[int, str], ProtocolBackend]
"""Opens the backend of a partition: number, and identity of the changelog topic."""


class RocksBackend(ProtocolBackend):
    """RocksDB without a write-ahead log: the changelog restores what a crash loses."""

    def __init__(
        self,
        folder: Path,
        identity: str,
        memory: StateMemory,
        keep: float | None = None,
        clock: ProtocolClock = _SYSTEM,
    ) -> None:
        """Open ``folder``. Delete its content when it belongs to another topic (``identity``).

        Content that did not reach the end of its changelog for 12 hours is deleted, too: the changelog removes
        tombstones after a day, and a deleted key would come back. A compaction removes values that are older than
        ``keep`` seconds. Every method raises StateStoreError when the disk refuses. A damaged store is set aside when
        opening finds the damage, or else when the store is closed.
        """
        self.budget = memory.budget
        self._memory = memory
        self._clock = clock
        self._access = AccessType.read_write()
        if keep is not None:
            self._access = self._access.with_ttl(math.ceil(keep))
        self._identity = identity.encode()
        self._folder = folder
        self._is_damaged = False
        with self._disk_errors("opened"):
            if not self._open_sound(folder):
                self._db.close()
                shutil.rmtree(folder)
                self._open(folder)
                self._db[_IDENTITY] = self._identity

    def _open_sound(self, folder: Path) -> bool:
        """Return whether the store belongs to this topic and is not too old. Its first reads may find damage, too."""
        try:
            self._open(folder)
            idle_ms = self._clock.now_ms() - int(self._db.get(_SEEN) or 0)
            return self._db.get(_IDENTITY) == self._identity and idle_ms <= _LONGEST_ABSENCE_MS
        except Exception as error:
            if not _is_damage(error):
                raise
            self.__dict__.pop("_db", None)  # releases the folder
            self._set_aside(str(error))
            self._open(folder)
            return False

    def _set_aside(self, reason: str) -> None:
        """Rename the folder, so that its files can be inspected. The changelog restores the state."""
        aside = self._folder.with_name(self._folder.name + ASIDE)
        shutil.rmtree(aside, ignore_errors=True)
        try:
            self._folder.rename(aside)
        except OSError as error:
            log.error("state on disk is damaged and cannot be set aside", error=str(error), reason=reason)
            return
        log.error("state on disk is damaged, it is read again from the changelog", folder=str(aside), reason=reason)

    def _open(self, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._db = Rdict(str(folder), self._memory.options(), access_type=self._access)
        self._options = WriteOptions()
        setattr(self._options, "disable_wal", True)  # noqa: B010 - a property that the stub declares as a method

    @override
    def get(self, key: bytes) -> bytes | None:
        try:
            value: bytes | None = self._db.get(key)
        except Exception as error:
            raise self._failed("read", error) from error
        return value

    @override
    def write(self, changes: Iterable[Change], checkpoint: int, *, at_end: bool = False) -> None:
        batch = WriteBatch(raw_mode=True)
        for key, value in changes:
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        batch.put(_CHECKPOINT, str(checkpoint).encode())
        batch.put(_IDENTITY, self._identity)
        if at_end:
            batch.put(_SEEN, str(self._clock.now_ms()).encode())
        with self._disk_errors("written"):
            self._db.write(batch, self._options)

    @override
    def checkpoint(self) -> int:
        return int(self.get(_CHECKPOINT) or b"0")

    @override
    def mark_complete(self) -> None:
        """Write the time of this. Opening and closing a store does not change it."""
        batch = WriteBatch(raw_mode=True)
        batch.put(_SEEN, str(self._clock.now_ms()).encode())
        with self._disk_errors("written"):
            # Without a log, like the data: a crash must not lose the data and keep the mark.
            self._db.write(batch, self._options)

    @override
    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        pairs = self._db.iter()
        try:
            pairs.seek(prefix)
            while pairs.valid():
                key = pairs.key()
                if not (isinstance(key, bytes) and key.startswith(prefix)):
                    return
                yield key, pairs.value()
                pairs.next()
            with self._disk_errors("read"):
                pairs.status()  # an iterator that meets a damaged block ends as if there were no more
        finally:
            del pairs  # it keeps the folder locked, and the traceback of an error may keep this frame

    @override
    def size(self) -> tuple[int, int]:
        """Return the estimates of RocksDB, without reading data and without the three keys of this class."""
        keys = int(self._db.property_int_value("rocksdb.estimate-num-keys") or 0)
        files = int(self._db.property_int_value("rocksdb.total-sst-files-size") or 0)
        memory = int(self._db.property_int_value("rocksdb.cur-size-all-mem-tables") or 0)
        return max(0, keys - 3), files + memory

    @override
    def close(self) -> None:
        """Flush, and release the lock of the folder. The changelog restores what the disk does not take."""
        try:
            with self._disk_errors("flushed"):
                self._db.flush()
                self._db.close()
        except StateStoreError as error:
            log.warning("state not flushed, the next start reads it from the changelog", reason=str(error))
            del self._db  # releases the folder
        if self._is_damaged:
            self._set_aside("found while it was in use")

    @contextmanager
    def _disk_errors(self, done: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # rocksdict raises bare Exceptions
            raise self._failed(done, error) from error

    def _failed(self, done: str, error: Exception) -> StateStoreError:
        if _is_damage(error):
            self._is_damaged = True
            return StateStoreError(f"state in {self._folder} is damaged: {error}; the changelog restores it")
        return StateStoreError(
            f"state in {self._folder} cannot be {done}: {error}; make room, or set ONEX_HOME to another disk"
        )


def _is_damage(error: Exception) -> bool:
    return any(sign in str(error) for sign in _DAMAGE)


class MemoryBackend(ProtocolBackend):
    """A dict that ends with the process, for the test driver."""

    def __init__(self) -> None:
        self.budget = CacheBudget(_MEMORY_CACHE)
        self._data: dict[bytes, bytes] = {}
        self._checkpoint = 0

    @override
    def get(self, key: bytes) -> bytes | None:
        return self._data.get(key)

    @override
    def write(self, changes: Iterable[Change], checkpoint: int, *, at_end: bool = False) -> None:
        for key, value in changes:
            if value is None:
                self._data.pop(key, None)
            else:
                self._data[key] = value
        self._checkpoint = checkpoint

    @override
    def checkpoint(self) -> int:
        return self._checkpoint

    @override
    def mark_complete(self) -> None:
        """Do nothing: no store outlives the process."""

    @override
    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        yield from ((key, value) for key, value in sorted(self._data.items()) if key.startswith(prefix))

    @override
    def size(self) -> tuple[int, int]:
        return len(self._data), sum(len(key) + len(value) for key, value in self._data.items())

    @override
    def close(self) -> None:
        """Do nothing."""
