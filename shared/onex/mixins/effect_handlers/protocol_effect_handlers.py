"""Interface of effect handlers."""

from collections.abc import Callable, Sequence
from typing import Protocol


class ProtocolEffectHandler(Protocol):
    """One handler. It may also have ``async def open(self)`` and ``async def close(self)``."""

    async def handle(self, payload: object) -> object:
        """Carry out the effect and return its result."""
        ...


class ProtocolEffectHandlers(Protocol):
    """Handlers by the kind of effect."""

    def register(self, effect_type: str, make: Callable[[], ProtocolEffectHandler]) -> None:
        """Register the factory of a handler. Raise CompositionError for a kind that has one."""
        ...

    async def dispatch(self, effect_type: str, payload: object) -> object:
        """Call the handler and return its result.

        Raise RejectedError for a kind without a handler, and CallTimeoutError for a call that takes too long.
        """
        ...

    @property
    def kinds(self) -> Sequence[str]:
        """The registered kinds, sorted."""
        ...
