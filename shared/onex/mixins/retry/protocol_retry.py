"""What a node may do with retries."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class ProtocolRetry(Protocol):
    """Calls again what failed in a way that may pass."""

    async def call(self, work: Callable[[], Awaitable[T]]) -> T:
        """The answer of ``work``, called until it succeeds or no more calls are allowed.

        Raises the last failure itself, so that the agent classifies what happened; CircuitOpenError where the
        circuit is open. Calls take as long as they take: bound them with :class:`MixinTimeout`.
        """
        ...
