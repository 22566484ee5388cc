"""Messages that capabilities of a pure node publish together with the result of its handler."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from onex.errors import CompositionError
from onex.model.message import Message

R = TypeVar("R")


class AddedOutputs:
    """The outputs that capabilities add to the call of a handler that is running.

    The engine publishes them in the transaction of the message, after the result of the handler: exactly once, and
    not at all when the handler fails. Their types need a topic of the contract, like every output. Belongs to the one
    thread on which a pure node handles its messages.
    """

    def __init__(self) -> None:
        self._messages: list[Message] | None = None

    def add(self, message: Message) -> None:
        """Publish a message with the result of this call. Raise CompositionError outside of a pure handler."""
        if self._messages is None:
            raise CompositionError(
                f"{type(message).__name__} can be published only while a handler of a pure node runs in an agent"
            )
        self._messages.append(message)

    def during(self, call: Callable[..., R], *arguments: object) -> tuple[R, Sequence[Message]]:
        """Return the result of a handler, and the messages that were added during its call."""
        added: list[Message] = []
        self._messages = added
        try:
            return call(*arguments), added
        finally:
            self._messages = None
