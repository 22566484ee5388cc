"""What a node may do with bulkheads."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

T = TypeVar("T")


class ProtocolCompartment(Protocol):
    """The places of one dependency."""

    @property
    def running(self) -> int: ...
    @property
    def waiting(self) -> int: ...

    def place(self) -> AbstractAsyncContextManager[None]:
        """Around a call: waits for a place, first come first served; raises BulkheadFullError."""
        ...

    async def call(self, work: Callable[[], Awaitable[T]]) -> T:
        """``work`` within :meth:`place`."""
        ...


class ProtocolBulkhead(Protocol):
    """Compartments by dependency."""

    def of(self, dependency: str) -> ProtocolCompartment:
        """The one compartment of a dependency."""
        ...
