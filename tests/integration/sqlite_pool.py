"""A pool that has asyncpg's methods and a SQLite database in memory, with failures on request."""

import sqlite3
from collections.abc import AsyncIterator, Generator, Mapping, Sequence
from contextlib import asynccontextmanager
from types import TracebackType


class SqlitePool:
    """One connection for all.

    ``failures`` are raised by the next transactions, one each: failures of the network when a connection is taken,
    those of the server when the transaction begins.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect(":memory:", isolation_level=None)
        self._database.row_factory = sqlite3.Row
        self._database.create_function("pg_advisory_xact_lock", 1, lambda _: None)
        self.failures: list[Exception] = []
        self.statements: list[str] = []

    def acquire(self, *, timeout: float = 0.0) -> "_Acquire":
        """As asyncpg: await the result, or use it as a context."""
        return _Acquire(self)

    async def release(self, connection: "SqliteConnection") -> None:
        """As asyncpg."""

    async def close(self) -> None:
        """As asyncpg. The database lives as long as the pool."""

    def terminate(self) -> None:
        """As asyncpg."""

    def name_leaks(self) -> None:
        """As the pool of :mod:`onex.postgres`."""

    async def expire_connections(self) -> None:
        """As asyncpg."""

    @property
    def figures(self) -> Mapping[str, float]:
        """As the pool of :mod:`onex.postgres`."""
        return {"connections": 1.0, "idle": 1.0}

    async def fetchval(self, query: str, *arguments: object) -> object:
        """As asyncpg."""
        return await SqliteConnection(self).fetchval(query, *arguments)

    def run(self, query: str, arguments: Sequence[object]) -> list[Mapping[str, object]]:
        """Run a statement, and return its rows."""
        self.statements.append(query)
        bound = {str(index + 1): value for index, value in enumerate(arguments)}
        rows = self._database.execute(query.replace("$", ":"), bound).fetchall()
        return [dict(row) for row in rows]

    def begin(self) -> None:
        """Begin a transaction, or raise the next failure, when it is one of the server."""
        if self.failures:
            raise self.failures.pop(0)
        self._database.execute("BEGIN")

    def take(self) -> "SqliteConnection":
        """Return a connection, or raise the next failure, when it is one of the network."""
        if self.failures and isinstance(self.failures[0], OSError):
            raise self.failures.pop(0)
        return SqliteConnection(self)

    def end(self, *, is_successful: bool) -> None:
        """Commit or roll back."""
        self._database.execute("COMMIT" if is_successful else "ROLLBACK")


class _Acquire:
    def __init__(self, pool: SqlitePool) -> None:
        self._pool = pool

    def __await__(self) -> Generator[None, None, "SqliteConnection"]:
        yield from ()
        return self._pool.take()

    async def __aenter__(self) -> "SqliteConnection":
        return self._pool.take()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        return None


class SqliteConnection:
    """The methods of asyncpg's connection."""

    def __init__(self, pool: SqlitePool) -> None:
        self._pool = pool

    async def execute(self, query: str, *arguments: object) -> str:
        """As asyncpg."""
        return f"SELECT {len(self._pool.run(query, arguments))}"

    async def fetch(self, query: str, *arguments: object) -> list[Mapping[str, object]]:
        """As asyncpg."""
        return self._pool.run(query, arguments)

    async def fetchrow(self, query: str, *arguments: object) -> Mapping[str, object] | None:
        """As asyncpg."""
        return next(iter(self._pool.run(query, arguments)), None)

    async def fetchval(self, query: str, *arguments: object) -> object:
        """As asyncpg."""
        row = await self.fetchrow(query, *arguments)
        return next(iter(row.values())) if row else None

    @asynccontextmanager
    async def transaction(self, *, isolation: str = "", readonly: bool = False) -> AsyncIterator[None]:
        """As asyncpg."""
        self._pool.begin()
        is_successful = False
        try:
            yield
            is_successful = True
        finally:
            self._pool.end(is_successful=is_successful)
