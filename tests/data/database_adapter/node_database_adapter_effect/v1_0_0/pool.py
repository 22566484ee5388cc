"""The part of asyncpg's pool that the adapter uses."""

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import asyncpg


class ProtocolConnection(Protocol):
    """A connection."""

    async def execute(self, query: str, *arguments: object) -> str:
        """Run a statement."""
        ...

    async def fetch(self, query: str, *arguments: object) -> Sequence[Mapping[str, object]]:
        """Return all rows."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[object]:
        """Return a context with one transaction."""
        ...


class ProtocolPool(Protocol):
    """A pool of connections."""

    def acquire(self) -> AbstractAsyncContextManager[ProtocolConnection]:
        """Return a context with one connection."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


async def connect() -> ProtocolPool:
    """Open the pool."""
    pool: ProtocolPool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=1, max_size=4)
    return pool
