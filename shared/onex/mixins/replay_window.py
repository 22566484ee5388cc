"""Tokens that were accepted once, in a file that outlives the process."""

import sqlite3
from pathlib import Path
from threading import Lock

from onex.errors import OutageError, TransientError
from onex.util.clock import ProtocolClock

_TABLE = """CREATE TABLE IF NOT EXISTS seen (
    token BLOB PRIMARY KEY, place TEXT NOT NULL, until_ms INTEGER NOT NULL
) WITHOUT ROWID"""
_INSERT = "INSERT INTO seen (token, place, until_ms) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_LOCK_SECONDS = 1.0
"""Longest wait for another process of the same machine, which writes one token."""
_PRUNE_EVERY = 1_000
"""Tokens between two removals of expired ones."""


class ReplayWindow:
    """Remembers tokens until they expire. Any thread; all processes of one machine that use the same file share it.

    A token survives the end of the process, and the loss of power up to a few of the latest ones (SQLite's
    write-ahead log with ``synchronous = NORMAL``). It does not reach other machines.
    """

    def __init__(self, file: Path, most: int, clock: ProtocolClock) -> None:
        """``most``: tokens that are remembered together."""
        self._file = file
        self._most = most
        self._clock = clock
        self._connection: sqlite3.Connection | None = None
        self._lock = Lock()
        self._unpruned = 0
        self.count = 0
        """Tokens as of the last removal, and those added since."""

    def open(self) -> None:
        """Open the file, or create it. Raise TransientError when that fails."""
        with self._lock:
            self._connected()

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def first(self, token: bytes, place: str, until_ms: int) -> bool:
        """Remember a token until a time in milliseconds since 1970. Return False if it came from another place.

        The token of a record that is delivered again has the same place. Raise OutageError while the file cannot be
        written, and while ``most`` tokens are remembered of which none has expired: a forgotten token could be
        repeated.
        """
        with self._lock:
            connection = self._connected()
            try:
                if self._unpruned >= _PRUNE_EVERY or self.count >= self._most:
                    self._prune(connection)
                if connection.execute(_INSERT, (token, place, until_ms)).rowcount:
                    self.count += 1
                    self._unpruned += 1
                    return True
                (known,) = connection.execute("SELECT place FROM seen WHERE token = ?", (token,)).fetchone()
            except sqlite3.Error as error:
                raise OutageError(f"the replay window {self._file} cannot be used: {error}") from error
            return bool(known == place)

    def _prune(self, connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM seen WHERE until_ms < ?", (self._clock.now_ms(),))
        self._unpruned = 0
        (self.count,) = connection.execute("SELECT count(*) FROM seen").fetchone()
        if self.count >= self._most:
            raise OutageError(
                f"the replay window {self._file} is full with {self.count} tokens; allow more, or fewer"
            )

    def _connected(self) -> sqlite3.Connection:
        if self._connection is not None:
            return self._connection
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(
                self._file, timeout=_LOCK_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._file.chmod(0o600)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(_TABLE)
            (self.count,) = connection.execute("SELECT count(*) FROM seen").fetchone()
        except (sqlite3.Error, OSError) as error:
            raise TransientError(
                f"the replay window {self._file} cannot be opened: {error}; free the disk or fix the rights. Delete "
                "a broken file only when repetitions of the last hour are harmless"
            ) from error
        self._connection = connection
        return connection
