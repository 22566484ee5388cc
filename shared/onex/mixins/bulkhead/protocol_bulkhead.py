"""Interface of bulkheads."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

T = TypeVar("T")


class ProtocolCompartment(Protocol):
    """The slots of one dependency."""

    @property
    def running(self) -> int: ...
    @property
    def waiting(self) -> int: ...

    def slot(self) -> AbstractAsyncContextManager[None]:
        """Return a context in which the call has a slot. Calls get slots in order of arrival.

        Entering waits for a slot. Raise BulkheadFullError when too many calls wait, or after ``max_wait_seconds``.
        """
        ...

    async def call(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run ``work`` within :meth:`slot` and return its result."""
        ...


class ProtocolBulkhead(Protocol):
    """Compartments by dependency."""

    def of(self, dependency: str) -> ProtocolCompartment:
        """Return the compartment of a dependency, always the same one."""
        ...
