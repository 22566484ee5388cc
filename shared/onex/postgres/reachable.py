"""What the database cannot do now it may do later."""

from collections.abc import Awaitable
from typing import TypeVar

import asyncpg

from onex.model.errors import TransientError

T = TypeVar("T")
PASSING = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.InterfaceError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
)
"""Failures that may pass."""


async def reachable(work: Awaitable[T]) -> T:
    """Wait for ``work``; failures that may pass come out as TransientError, which is retried."""
    try:
        return await work
    except PASSING as error:
        raise TransientError(f"PostgreSQL: {error}") from error
