"""What a node may do with time limits."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class ProtocolTimeout(Protocol):
    """Limits by dependency."""

    async def call(self, dependency: str, work: Callable[[], Awaitable[T]]) -> T:
        """The answer of ``work``. One that takes too long is cancelled, gets time to clean up, and raises
        CallTimeoutError."""
        ...

    def left(self) -> float | None:
        """Seconds until the deadline of the message in hand, negative after it; None where it has none."""
        ...
