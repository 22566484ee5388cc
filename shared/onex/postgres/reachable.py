"""What the database cannot do now it may do later."""

from collections.abc import Awaitable
from typing import TypeVar

from onex.postgres.passing import unreachable

T = TypeVar("T")


async def reachable(work: Awaitable[T]) -> T:
    """Wait for ``work``, which does nothing but ask the database.

    Raises OutageError when the database is away: the message waits and no attempt is counted. Raises TransientError
    for other failures that may pass, which are retried.
    """
    try:
        return await work
    except Exception as error:
        if (outage := unreachable(error)) is None:
            raise
        raise outage from error
