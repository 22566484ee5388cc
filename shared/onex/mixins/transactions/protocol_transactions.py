"""What a node may do with transactions."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

import asyncpg


class ProtocolUnitOfWork(Protocol):
    """One unit. After ``commit`` or ``rollback`` nothing more may be done in it."""

    @property
    def connection(self) -> asyncpg.Connection:
        """For statements. Raises CompositionError once the unit has ended."""
        ...

    async def commit(self) -> None:
        """Make it last."""
        ...

    async def rollback(self) -> None:
        """Undo it. Raises CompositionError without ``rollback_support``."""
        ...

    def nested(self) -> "AbstractAsyncContextManager[ProtocolUnitOfWork]":
        """A unit within this one. Raises CompositionError without ``enable_savepoints``."""
        ...


class ProtocolTransactions(Protocol):
    """Units of work. One that ends with an exception is undone; one that takes too long raises CallTimeoutError."""

    def begin(self) -> AbstractAsyncContextManager[ProtocolUnitOfWork]:
        """A new one, on a connection of its own."""
        ...
