"""What a node may do with its database."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

import asyncpg

from onex.mixins.database.model_database_subcontract import EnumIsolation

T = TypeVar("T")


class ProtocolDatabase(Protocol):
    """PostgreSQL. What cannot be done now comes out as TransientError, so that the message is tried again."""

    @property
    def pool(self) -> asyncpg.Pool:
        """For queries of their own. Raises CompositionError before the node is started."""
        ...

    def transaction(
        self, *, isolation: EnumIsolation | None = None, readonly: bool = False
    ) -> AbstractAsyncContextManager[asyncpg.Connection]:
        """All that is done within is committed together, or not at all."""
        ...

    async def run(
        self, work: Callable[[asyncpg.Connection], Awaitable[T]], *, isolation: EnumIsolation | None = None
    ) -> T:
        """``work`` in a transaction, and again in a new one when the server gave it up for the sake of another."""
        ...

    async def ensure(self, statements: str) -> None:
        """Run ``CREATE ... IF NOT EXISTS`` statements, one instance at a time however many start at once."""
        ...

    async def ping(self) -> None:
        """Raises TransientError when the database does not answer."""
        ...
