"""Interface of the event bus."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from onex.model.message import Message

M = TypeVar("M", bound=Message)


class ProtocolEventPublisher(Protocol):
    """Publishes events outside of the message's transaction, for facts that stay true if the message fails: progress,
    notices.

    Results of handlers are published exactly once. These events are published at least once when ``flush`` has
    returned; events in the buffer are lost when the process ends.
    """

    async def publish(self, event: Message, *, priority: str = "normal") -> None:
        """Add an event to the buffer. Waits while the buffer is full. Raise RejectedError for an invalid event."""
        ...

    def emit(self, event: Message) -> None:
        """Publish an event with the result of a handler of a pure node, in the transaction of its message.

        It is published exactly once, and not when the handler fails. The key is the one that the message declares.
        Raise RejectedError for an invalid event, and CompositionError outside of a handler and on an EFFECT.
        """
        ...

    async def flush(self) -> None:
        """Return when all events in the buffer are acknowledged or dropped."""
        ...

    def subscribe(self, model: type[M], listener: Callable[[M], None]) -> Callable[[], None]:
        """Call ``listener`` with each event of a type that this process publishes.

        Return a function that ends this.
        """
        ...
