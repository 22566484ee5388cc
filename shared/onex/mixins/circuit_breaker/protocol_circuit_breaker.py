"""What a node may do with circuit breakers."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import Protocol, TypeVar

T = TypeVar("T")


class EnumCircuitState(StrEnum):
    """States of a circuit."""

    CLOSED = "closed"
    """Calls go through."""
    OPEN = "open"
    """Calls are refused."""
    HALF_OPEN = "half_open"
    """A few calls go through, to see whether the dependency is back."""


class ProtocolCircuit(Protocol):
    """The circuit of one dependency."""

    @property
    def state(self) -> EnumCircuitState: ...

    def guard(self) -> AbstractAsyncContextManager[None]:
        """Around a call: raises CircuitOpenError instead of letting it happen; an exception counts as a failure,
        but for RejectedError: who refuses a message is well."""
        ...

    async def call(self, work: Callable[[], Awaitable[T]]) -> T:
        """``work`` within :meth:`guard`."""
        ...


class ProtocolCircuitBreaker(Protocol):
    """All circuits of a process, by dependency."""

    def of(self, dependency: str) -> ProtocolCircuit:
        """The one circuit of a dependency; who asks for the same name shares it."""
        ...

    def states(self) -> Mapping[str, EnumCircuitState]:
        """Of every dependency that was asked for."""
        ...
