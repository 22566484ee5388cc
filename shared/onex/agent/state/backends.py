"""Where the keyed state of a partition lies on this machine: RocksDB, or memory for tests."""

import math
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import structlog
from rocksdict import AccessType, Rdict, WriteBatch, WriteOptions

from onex.agent.state.memory import CacheBudget, StateMemory
from onex.errors import StateStoreError
from onex.util.clock import ProtocolClock, SystemClock

log = structlog.get_logger(__name__)
_CHECKPOINT = b"\x00checkpoint"
_IDENTITY = b"\x00identity"
_SEEN = b"\x00seen"
"""When the store was last known to be complete up to its checkpoint: Unix time in milliseconds."""
_MEMORY_CACHE = 64 * 1024 * 1024
_FORGOTTEN_MS = 12 * 3_600_000
"""Half of Kafka's default ``delete.retention.ms``."""
_DAMAGE = ("Corruption", "No such file or directory")
"""In texts of RocksDB, about files that are not as it has left them; a full or missing disk has other words."""
ASIDE = ".damaged"
"""Ending of the folder of a store that was damaged; the next one replaces it."""
_SYSTEM = SystemClock()

Change = tuple[bytes, bytes | None]
"""Key and new value; None deletes."""


class ProtocolBackend(Protocol):
    """Bytes by key, and up to which changelog offset they are complete."""

    budget: CacheBudget
    """For those who keep values in decoded form."""

    def get(self, key: bytes) -> bytes | None: ...
    def write(self, changes: Iterable[Change], checkpoint: int, *, at_end: bool = False) -> None:
        """Apply changes and move the checkpoint, both or neither. ``at_end``: nothing of the changelog is left."""
        ...

    def checkpoint(self) -> int:
        """Changelog offset to restore from; 0 for an empty store."""
        ...

    def mark_complete(self) -> None:
        """Note that the store is complete: the end of its changelog was reached."""
        ...

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]: ...
    def size(self) -> tuple[int, int]:
        """Keys (estimated) and bytes."""
        ...

    def close(self) -> None: ...


OpenBackend = Callable[[int, str], ProtocolBackend]
"""(partition number, identity of the changelog topic) -> backend."""


class RocksBackend:
    """RocksDB without a write-ahead log: what a crash loses, the changelog brings back."""

    def __init__(
        self,
        folder: Path,
        identity: str,
        memory: StateMemory,
        keep: float | None = None,
        clock: ProtocolClock = _SYSTEM,
    ) -> None:
        """Open ``folder``; content that belongs to another topic (``identity``) is thrown away.

        So is content that nobody has kept up for half a day: the changelog forgets after a day that a key was
        deleted, and it would come back to life. What is older than ``keep`` seconds goes with the next compaction.
        Every method raises StateStoreError when the disk refuses. A store that is damaged is set aside when that is
        found while it is opened, or else when it is closed.
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
        with self._told("opened"):
            if not self._open_sound(folder):
                self._db.close()
                shutil.rmtree(folder)
                self._open(folder)
                self._db[_IDENTITY] = self._identity

    def _open_sound(self, folder: Path) -> bool:
        """Return whether the store is of this topic, and not too old; the first reads may find damage, too."""
        try:
            self._open(folder)
            idle_ms = self._clock.now_ms() - int(self._db.get(_SEEN) or 0)
            return self._db.get(_IDENTITY) == self._identity and idle_ms <= _FORGOTTEN_MS
        except Exception as error:
            if not _is_damage(error):
                raise
            self.__dict__.pop("_db", None)  # releases the folder
            self._set_aside(str(error))
            self._open(folder)
            return False

    def _set_aside(self, reason: str) -> None:
        """Keep the files for inspection. The changelog restores the state."""
        aside = self._folder.with_name(self._folder.name + ASIDE)
        shutil.rmtree(aside, ignore_errors=True)
        try:
            self._folder.rename(aside)
        except OSError as error:
            log.error("state on disk is damaged and cannot be set aside", error=str(error), reason=reason)
            return
        log.error("state on disk is damaged, it is read again from the changelog", kept=str(aside), reason=reason)

    def _open(self, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._db = Rdict(str(folder), self._memory.options(), access_type=self._access)
        self._options = WriteOptions()
        setattr(self._options, "disable_wal", True)  # noqa: B010 - a property that the stub declares as a method

    def get(self, key: bytes) -> bytes | None:
        """Value of a key."""
        try:
            found: bytes | None = self._db.get(key)
        except Exception as error:
            raise self._failed("read", error) from error
        return found

    def write(self, changes: Iterable[Change], checkpoint: int, *, at_end: bool = False) -> None:
        """One write batch."""
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
        with self._told("written"):
            self._db.write(batch, self._options)

    def checkpoint(self) -> int:
        """See the protocol."""
        return int(self.get(_CHECKPOINT) or b"0")

    def mark_complete(self) -> None:
        """Note that the end of the changelog was reached. Opening and closing a store does not make it younger."""
        batch = WriteBatch(raw_mode=True)
        batch.put(_SEEN, str(self._clock.now_ms()).encode())
        with self._told("written"):
            # Without a log, like the data: a crash must not lose the data and keep the mark.
            self._db.write(batch, self._options)

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Pairs whose key starts with ``prefix``, in key order."""
        found = self._db.iter()
        found.seek(prefix)
        while found.valid():
            key = found.key()
            if not (isinstance(key, bytes) and key.startswith(prefix)):
                return
            yield key, found.value()
            found.next()
        with self._told("read"):
            found.status()  # an iterator that meets a damaged block ends as if there were no more

    def size(self) -> tuple[int, int]:
        """What RocksDB estimates, without reading data; the marks of its own do not count."""
        keys = int(self._db.property_int_value("rocksdb.estimate-num-keys") or 0)
        files = int(self._db.property_int_value("rocksdb.total-sst-files-size") or 0)
        memory = int(self._db.property_int_value("rocksdb.cur-size-all-mem-tables") or 0)
        return max(0, keys - 3), files + memory

    def close(self) -> None:
        """Flush and release the folder's lock; what the disk does not take, the changelog brings back."""
        try:
            with self._told("flushed"):
                self._db.flush()
                self._db.close()
        except StateStoreError as error:
            log.warning("state not flushed, the next start reads it from the changelog", reason=str(error))
            del self._db  # releases the folder
        if self._is_damaged:
            self._set_aside("seen while it was in use")

    @contextmanager
    def _told(self, done: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # rocksdict raises bare Exceptions
            raise self._failed(done, error) from error

    def _failed(self, done: str, error: Exception) -> StateStoreError:
        if _is_damage(error):
            self._is_damaged = True
            return StateStoreError(f"state in {self._folder} is damaged: {error}; the changelog brings it back")
        return StateStoreError(
            f"state in {self._folder} cannot be {done}: {error}; make room, or set ONEX_HOME to another disk"
        )


def _is_damage(error: Exception) -> bool:
    return any(sign in str(error) for sign in _DAMAGE)


class MemoryBackend:
    """A dict; gone with the process, as the test driver wants it."""

    def __init__(self) -> None:
        self.budget = CacheBudget(_MEMORY_CACHE)
        self._data: dict[bytes, bytes] = {}
        self._checkpoint = 0

    def get(self, key: bytes) -> bytes | None:
        """Value of a key."""
        return self._data.get(key)

    def write(self, changes: Iterable[Change], checkpoint: int, *, at_end: bool = False) -> None:
        """See the protocol."""
        for key, value in changes:
            if value is None:
                self._data.pop(key, None)
            else:
                self._data[key] = value
        self._checkpoint = checkpoint

    def checkpoint(self) -> int:
        """See the protocol."""
        return self._checkpoint

    def mark_complete(self) -> None:
        """Nothing outlives the process."""

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """See the protocol."""
        yield from ((key, value) for key, value in sorted(self._data.items()) if key.startswith(prefix))

    def size(self) -> tuple[int, int]:
        """See the protocol."""
        return len(self._data), sum(len(key) + len(value) for key, value in self._data.items())

    def close(self) -> None:
        """Nothing to release."""
