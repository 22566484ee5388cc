"""Interface of transactions."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

import asyncpg


class ProtocolUnitOfWork(Protocol):
    """One unit of work. It ends with ``commit`` or ``rollback``."""

    @property
    def connection(self) -> asyncpg.Connection:
        """The connection for statements. Raises CompositionError when the unit has ended."""
        ...

    async def commit(self) -> None:
        """Commit the unit. Raise CompositionError when it has ended."""
        ...

    async def rollback(self) -> None:
        """Roll the unit back. Raise CompositionError when it has ended, and without ``rollback_support``."""
        ...

    def nested(self) -> "AbstractAsyncContextManager[ProtocolUnitOfWork]":
        """Return a context with a unit within this one. Raise CompositionError without ``enable_savepoints``."""
        ...


class ProtocolTransactions(Protocol):
    """Units of work."""

    def begin(self) -> AbstractAsyncContextManager[ProtocolUnitOfWork]:
        """Return a context with a new unit on its own connection.

        An exception within rolls it back. Raise CallTimeoutError when it takes longer than
        ``transaction_timeout_ms``.
        """
        ...
