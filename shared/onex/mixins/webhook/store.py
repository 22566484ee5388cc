"""Subscriptions in a file that outlives the process."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from pydantic import SecretStr

from onex.errors import OutageError, RejectedError
from onex.mixins.encryption import ProtocolEncryption
from onex.mixins.webhook.subscription import WebhookSubscription

_TABLE = """CREATE TABLE IF NOT EXISTS subscriptions (
    id TEXT PRIMARY KEY, url TEXT NOT NULL, events TEXT NOT NULL, secret BLOB NOT NULL,
    enabled INTEGER NOT NULL DEFAULT 1, failures INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID"""
_COLUMNS = "id, url, events, enabled, failures, reason"
_FAIL = "UPDATE subscriptions SET failures = failures + 1, reason = ? WHERE id = ? RETURNING failures, enabled"
_LOCK_SECONDS = 5.0
"""Longest wait for another process of the same machine, which writes one subscription."""


class SubscriptionStore:
    """The subscriptions of a node. Any thread; all processes of one machine that use the same file share them.

    Every method blocks on the disk, and raises OutageError when the file cannot be used. Secrets are encrypted and
    bound to the id of their subscription. A change is on the disk when its method returns.
    """

    def __init__(self, file: Path, most: int, encryption: ProtocolEncryption) -> None:
        """``most``: subscriptions that exist together."""
        self._file = file
        self._most = most
        self._encryption = encryption
        self._connection: sqlite3.Connection | None = None
        self._lock = Lock()

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def put(self, subscription: WebhookSubscription) -> None:
        """Add a subscription, or replace that of the same id. Raise RejectedError when there are too many."""
        secret = subscription.secret.get_secret_value().encode()
        sealed = self._encryption.encrypt(secret, purpose=_purpose(subscription.id))
        row = (subscription.id, subscription.url, json.dumps(subscription.events), sealed)
        with self._transaction() as connection:
            query = "SELECT count(*) FROM subscriptions WHERE id <> ?"
            (others,) = connection.execute(query, (subscription.id,)).fetchone()
            if others >= self._most:
                raise RejectedError(f"there are {others} subscriptions; webhook.subscriptions.most allows more")
            connection.execute("REPLACE INTO subscriptions (id, url, events, secret) VALUES (?, ?, ?, ?)", row)

    def remove(self, id: str) -> bool:
        """Remove a subscription. Return whether there was one."""
        with self._transaction() as connection:
            return connection.execute("DELETE FROM subscriptions WHERE id = ?", (id,)).rowcount > 0

    def all(self) -> Sequence[WebhookSubscription]:
        """Return all subscriptions by id, without their secrets."""
        with self._transaction() as connection:
            rows = connection.execute(f"SELECT {_COLUMNS} FROM subscriptions ORDER BY id").fetchall()
        return [
            WebhookSubscription(id, url, tuple(json.loads(events)), bool(enabled), failures, reason)
            for id, url, events, enabled, failures, reason in rows
        ]

    def secret(self, id: str) -> SecretStr | None:
        """Return the secret of a subscription. None when it was removed.

        Raise RejectedError when its key is not configured, or the file was altered.
        """
        with self._transaction() as connection:
            row = connection.execute("SELECT secret FROM subscriptions WHERE id = ?", (id,)).fetchone()
        return None if row is None else SecretStr(self._encryption.decrypt(row[0], purpose=_purpose(id)).decode())

    def succeeded(self, id: str) -> None:
        """Forget the failures of a subscription."""
        with self._transaction() as connection:
            connection.execute("UPDATE subscriptions SET failures = 0, reason = '' WHERE id = ?", (id,))

    def failed(self, id: str, reason: str, disable_after: int) -> bool:
        """Count a failure. Return whether it disabled the subscription."""
        with self._transaction() as connection:
            row = connection.execute(_FAIL, (reason, id)).fetchone()
            if row is None or not row[1] or row[0] < disable_after:
                return False
            connection.execute("UPDATE subscriptions SET enabled = 0 WHERE id = ?", (id,))
            return True

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                connection = self._connected()
                with connection:
                    connection.execute("BEGIN IMMEDIATE")
                    yield connection
            except (sqlite3.Error, OSError) as error:
                raise OutageError(f"the subscriptions in {self._file} cannot be used: {error}") from error

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            connection = sqlite3.connect(
                self._file, timeout=_LOCK_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._file.chmod(0o600)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(_TABLE)
            self._connection = connection
        return self._connection


def _purpose(id: str) -> str:
    return f"webhook:{id}"
