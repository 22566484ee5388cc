"""What a node may do with services."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from onex.capability.container import EnumScope

S = TypeVar("S")


class ProtocolServiceRegistry(Protocol):
    """Services by protocol or class, made when they are first asked for and closed in reverse order."""

    def register(
        self,
        service: type[S],
        make: Callable[[], S],
        *,
        scope: EnumScope = EnumScope.APPLICATION,
        close: Callable[[S], Awaitable[None] | None] | None = None,
    ) -> None:
        """Raises CompositionError for one that is there already, but with ``allow_override``."""
        ...

    def get(self, service: type[S]) -> S:
        """The one of the message in hand, or of the node. Raises CompositionError for one that nobody registered."""
        ...

    def has(self, service: type) -> bool:
        """Whether it can be had."""
        ...
