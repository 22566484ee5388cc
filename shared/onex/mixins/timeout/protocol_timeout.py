"""Interface of time limits."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class ProtocolTimeout(Protocol):
    """Time limits by dependency."""

    async def call(self, dependency: str, work: Callable[[], Awaitable[T]]) -> T:
        """Run ``work`` and return its result.

        At the limit, cancel it, wait ``cleanup_seconds`` for its end, and raise CallTimeoutError.
        """
        ...

    def left(self) -> float | None:
        """Return the seconds until the deadline of the current message, negative after it.

        None without a deadline.
        """
        ...
