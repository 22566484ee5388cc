"""Interface of the service registry."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from onex.capability.container import EnumScope

S = TypeVar("S")


class ProtocolServiceRegistry(Protocol):
    """Services by protocol or class. The first use creates a service; they are closed in reverse order."""

    def register(
        self,
        service: type[S],
        make: Callable[[], S],
        *,
        scope: EnumScope = EnumScope.APPLICATION,
        close: Callable[[S], Awaitable[None] | None] | None = None,
    ) -> None:
        """Register a service. Without ``allow_override``, raise CompositionError when it is registered already."""
        ...

    def get(self, service: type[S]) -> S:
        """Return the service of the current message, or of the node. Raise CompositionError when there is none."""
        ...

    def has(self, service: type) -> bool:
        """Return whether the service is registered."""
        ...
