"""What a handler knows about a message in addition to its content."""

from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Context:
    """Facts about the current message. Handlers take the time from here, never from the clock."""

    now: datetime
    """UTC time of the engine's clock. It is the same for all messages of a batch."""
    key: str
    """Partition key: the entity, customer or workflow of the message."""
    message_id: str
    """Id of the message. It stays the same on redelivery, retry and replay."""
    correlation_id: str
    """Id that all messages of one chain share."""
    causation_id: str
    """Id of the message that caused this one. Empty at the start of a chain."""
    idempotency_key: str
    """Key for external systems. It is the same for every attempt at the same work."""
    reply_key: str = ""
    """Key under which the sender expects the reply. Empty when it expects none."""
    transition_to: str = ""
    """Nodes with a declared state machine: the state after this event."""
    answers_id: str = ""
    """Id of the message to which this one is the reply: its cause, except for completions of workflows."""
    deadline_ms: int = 0
    """Deadline in milliseconds since 1970, which ``MixinTimeout`` enforces. 0: none."""
    attempt: int = 1
    """Number of the attempt of an effect, from 1."""
    from_step: str = ""
    """Commands of declared workflows: the step at which an operator has the run begin again. Else empty."""
    digest: str = ""
    """Effects: digest of the message's type and content, to which the idempotency key is bound. Else empty."""

    def leading_to(self, state: str) -> "Context":
        """Return the context of an event that leads to ``state`` of the declared machine."""
        return replace(self, transition_to=state)
