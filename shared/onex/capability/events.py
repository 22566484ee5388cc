"""How an engine puts messages on topics, beside what handlers answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from onex.capability.current_message import ProtocolCurrentMessage
from onex.errors import CompositionError
from onex.model.message import Message


@dataclass(frozen=True, slots=True)
class Event:
    """A message on its way, with what it keeps of the message that was in hand when it was published."""

    message: Message
    key: str = ""
    """Empty leaves it to the message."""
    correlation_id: str = ""
    causation_id: str = ""
    trace_parent: str = ""
    broadcast: bool = False
    """One copy in every partition, so that every instance of a reader gets it."""

    @classmethod
    def of(cls, message: Message, current_message: ProtocolCurrentMessage, key: str = "") -> Self:
        """Published while a message is in hand: caused by it, of the same correlation and trace."""
        return cls(
            message, key, current_message.correlation_id, current_message.message_id, current_message.trace_parent
        )


class ProtocolEventSink(Protocol):
    """Writes at least once, outside of the agent's transaction."""

    async def send(self, events: Sequence[Event]) -> None:
        """Ends when all are acknowledged. Raises TransientError; RejectedError for what no topic of the contract
        takes, or what is too large."""
        ...

    async def dead_letter(self, event: Event, error: BaseException) -> None:
        """The event becomes a dead letter of this node. Raises TransientError."""
        ...


class NoEvents:
    """Of a node that no agent runs."""

    async def send(self, events: Sequence[Event]) -> None:
        """Raises CompositionError."""
        raise CompositionError("nothing carries events; register a ProtocolEventSink, or run the node in an agent")

    async def dead_letter(self, event: Event, error: BaseException) -> None:
        """Raises CompositionError."""
        raise CompositionError("nothing carries dead letters; register a ProtocolEventSink")
