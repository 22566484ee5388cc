"""Interface of retries."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class ProtocolRetry(Protocol):
    """Calls again after failures that may pass."""

    async def call(self, work: Callable[[], Awaitable[T]]) -> T:
        """Call ``work`` until it succeeds or no more calls are allowed. Return its result.

        Raise the last failure itself, so that the agent can classify it, or CircuitOpenError while the circuit is
        open. Calls have no time limit: use :class:`MixinTimeout`.
        """
        ...
