"""Interface of retries."""

from collections.abc import Awaitable, Callable
from typing import ParamSpec, Protocol, TypeVar

T = TypeVar("T")
P = ParamSpec("P")


class ProtocolRetry(Protocol):
    """Calls again after failures that may pass."""

    async def call(self, work: Callable[[], Awaitable[T]]) -> T:
        """Call ``work`` until it succeeds or no more calls are allowed. Return its result.

        Raise the last failure itself, so that the agent can classify it, or CircuitOpenError while the circuit is
        open. Calls have no time limit: use :class:`MixinTimeout`.
        """
        ...

    def call_pure(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Call a pure function once, and return its result or raise what it raises.

        For handlers of pure nodes: what fails with these arguments fails with them again, so a retry has no effect.
        """
        ...
