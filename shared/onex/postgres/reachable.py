"""Failures of the database as outages and transient errors."""

from collections.abc import Awaitable
from typing import TypeVar

from onex.postgres.passing import unreachable

T = TypeVar("T")


async def reachable(work: Awaitable[T]) -> T:
    """Wait for ``work``, which calls the database only, and return its result.

    Raise OutageError when the database is away: the message waits and no attempt is counted. Raise TransientError
    for other failures that may pass: the message is retried.
    """
    try:
        return await work
    except Exception as error:
        if (outage := unreachable(error)) is None:
            raise
        raise outage from error
