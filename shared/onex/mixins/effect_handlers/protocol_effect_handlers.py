"""What a node may do with effect handlers."""

from collections.abc import Callable, Sequence
from typing import Protocol


class ProtocolEffectHandler(Protocol):
    """One handler. It may have ``async def open(self)`` and ``async def close(self)``."""

    async def handle(self, payload: object) -> object:
        """Do it."""
        ...


class ProtocolEffectHandlers(Protocol):
    """Handlers by the kind of effect."""

    def register(self, effect_type: str, make: Callable[[], ProtocolEffectHandler]) -> None:
        """How the handler of a kind is made. Raises CompositionError for a kind that has one."""
        ...

    async def dispatch(self, effect_type: str, payload: object) -> object:
        """The answer of its handler. Raises RejectedError for a kind without one, CallTimeoutError for one that takes
        too long."""
        ...

    @property
    def kinds(self) -> Sequence[str]:
        """Sorted."""
        ...
