"""What a node may do with its queue."""

from typing import Protocol

from onex.model.message import Message


class ProtocolMessageQueue(Protocol):
    """Sends at least once, outside of the transaction of the message in hand."""

    async def send(self, message: Message, *, key: str = "") -> None:
        """Ends when the message is acknowledged by the brokers. Without ``key`` it goes by its own.

        Raises TransientError when it was not taken in any attempt, RejectedError for what no topic takes.
        """
        ...

    @property
    def waiting(self) -> int:
        """Messages that are not acknowledged yet."""
        ...
