"""Failures of the database as outages and transient errors."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import TypeVar

import asyncpg

from onex.capability.health import HealthCheck, Watch
from onex.errors import OutageError
from onex.postgres.passing import unreachable

T = TypeVar("T")


async def reachable(work: Awaitable[T], dependency: str = "") -> T:
    """Wait for ``work``, which calls the database only, and return its result.

    Raise OutageError when the database is away: the message waits and no attempt is counted. Raise TransientError
    for other failures that may pass: the message is retried. ``dependency`` is the name of the health check.
    """
    try:
        return await work
    except Exception as error:
        if (outage := unreachable(error)) is None:
            raise
        match outage:
            case OutageError():
                outage.dependency = dependency
        raise outage from error


@asynccontextmanager
async def acquired(pool: asyncpg.Pool, dependency: str = "") -> AsyncIterator[asyncpg.Connection]:
    """Have a connection of a pool. Raise as ``reachable`` does while there is none; errors within are unchanged."""
    connection = await reachable(pool.acquire(), dependency)
    try:
        yield connection
    finally:
        await pool.release(connection)


def pool_check(name: str, pool: asyncpg.Pool) -> HealthCheck:
    """Return the check of a node's pool, which the agent watches."""

    async def probe() -> None:
        await reachable(pool.fetchval("SELECT 1"))

    return HealthCheck(name, probe, watch=Watch())
