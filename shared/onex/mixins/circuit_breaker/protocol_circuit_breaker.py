"""Interface of circuit breakers."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import Protocol, TypeVar

T = TypeVar("T")


class EnumCircuitState(StrEnum):
    """States of a circuit."""

    CLOSED = "closed"
    """Calls are allowed."""
    OPEN = "open"
    """Calls are refused."""
    HALF_OPEN = "half_open"
    """A few calls are allowed, to probe the dependency."""


class ProtocolCircuit(Protocol):
    """The circuit of one dependency."""

    @property
    def state(self) -> EnumCircuitState:
        """The state at this time: an open circuit is half-open when its ``timeout_seconds`` have passed."""
        ...

    def guard(self) -> AbstractAsyncContextManager[None]:
        """Return a context for one call. Entering raises CircuitOpenError when the call is refused.

        An exception within counts as a failure, except RejectedError: a dependency that refuses a message is healthy.
        """
        ...

    async def call(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run ``work`` within :meth:`guard` and return its result."""
        ...


class ProtocolCircuitBreaker(Protocol):
    """The circuits of a process, by dependency."""

    def of(self, dependency: str) -> ProtocolCircuit:
        """Return the circuit of a dependency. Callers with the same name share it."""
        ...

    def states(self) -> Mapping[str, EnumCircuitState]:
        """Return the state of each circuit, by dependency."""
        ...
