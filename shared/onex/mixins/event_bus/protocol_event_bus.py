"""What a node may do with its event bus."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from onex.model.message import Message

M = TypeVar("M", bound=Message)


class ProtocolEventPublisher(Protocol):
    """Outside of the message's transaction: for what is true whatever becomes of the message (progress, notices).
    Answers of handlers are exactly once; these events are at least once from the end of ``flush`` on, and what waits
    in the buffer is lost with the process."""

    async def publish(self, event: Message, *, priority: str = "normal") -> None:
        """Put an event into the buffer; waits while that is full. Raises RejectedError for one that is not valid."""
        ...

    async def flush(self) -> None:
        """Ends when everything before it is acknowledged, or given up."""
        ...

    def subscribe(self, model: type[M], listener: Callable[[M], None]) -> Callable[[], None]:
        """Hear events of a type that this process publishes; call what it gives to end it."""
        ...
