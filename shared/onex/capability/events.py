"""Publishing from an engine, in addition to the results of handlers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from typing_extensions import override

from onex.capability.current_message import ProtocolCurrentMessage
from onex.errors import CompositionError
from onex.model.message import Message


@dataclass(frozen=True, slots=True)
class Event:
    """A message to publish, with the ids of the message that was current at that time."""

    message: Message
    key: str = ""
    """Partition key. Empty uses the key that the message declares."""
    correlation_id: str = ""
    causation_id: str = ""
    trace_parent: str = ""
    broadcast: bool = False
    """Write one copy to every partition, so that every instance of a reader receives it."""

    @classmethod
    def of(cls, message: Message, current_message: ProtocolCurrentMessage, key: str = "") -> Self:
        """Return an event that the current message causes, with its correlation id and trace."""
        return cls(
            message, key, current_message.correlation_id, current_message.message_id, current_message.trace_parent
        )


class ProtocolEventSink(Protocol):
    """Publishes events at least once, outside of the agent's transaction."""

    async def send(self, events: Sequence[Event]) -> None:
        """Return when the brokers have acknowledged all events.

        Raise TransientError when they do not. Raise RejectedError for an event that is too large, or whose type no
        topic of the contract carries.
        """
        ...

    async def dead_letter(self, event: Event, error: BaseException) -> None:
        """Write the event to the node's dead letters. Raise TransientError when that fails."""
        ...


class NoEvents(ProtocolEventSink):
    """The event sink of a node that runs without an agent."""

    @override
    async def send(self, events: Sequence[Event]) -> None:
        """Raise CompositionError."""
        raise CompositionError("no event sink; register a ProtocolEventSink, or run the node in an agent")

    @override
    async def dead_letter(self, event: Event, error: BaseException) -> None:
        """Raise CompositionError."""
        raise CompositionError("no sink for dead letters; register a ProtocolEventSink")
