"""Interface of the database."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

import asyncpg

from onex.mixins.database.model_database_subcontract import EnumIsolation

T = TypeVar("T")


class ProtocolDatabase(Protocol):
    """PostgreSQL. Failures that may pass are raised as TransientError, so that the message is retried."""

    @property
    def pool(self) -> asyncpg.Pool:
        """The asyncpg pool, for single queries. Raises CompositionError before the node is started."""
        ...

    def transaction(
        self, *, isolation: EnumIsolation | None = None, readonly: bool = False
    ) -> AbstractAsyncContextManager[asyncpg.Connection]:
        """Return a context with one transaction. It commits at the end, and rolls back after an exception."""
        ...

    async def run(
        self, work: Callable[[asyncpg.Connection], Awaitable[T]], *, isolation: EnumIsolation | None = None
    ) -> T:
        """Run ``work`` in a transaction and return its result.

        Repeat it in a new transaction when the server rolled it back because of a concurrent one.
        """
        ...

    async def ensure(self, statements: str) -> None:
        """Run ``CREATE ... IF NOT EXISTS`` statements under a lock, so that one instance runs them at a time."""
        ...

    async def ping(self) -> None:
        """Raise TransientError when the database does not respond."""
        ...
