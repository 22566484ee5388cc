"""Interface of the message queue."""

from typing import Protocol

from onex.model.message import Message


class ProtocolMessageQueue(Protocol):
    """Sends at least once, outside of the transaction of the current message."""

    async def send(self, message: Message, *, key: str = "") -> None:
        """Return when the brokers have acknowledged the message. Without ``key`` it has the key that it declares.

        Raise TransientError when all attempts failed, and RejectedError for a type that no topic carries.
        """
        ...

    @property
    def waiting(self) -> int:
        """Number of messages that are not acknowledged yet."""
        ...
