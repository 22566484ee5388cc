"""What a handler may know beside the message itself."""

from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Context:
    """Facts about the message in hand. Handlers take time from here, never from the clock."""

    now: datetime
    """UTC, from the engine's clock; the same for all messages of one batch."""
    key: str
    """Partition key: the entity, customer or workflow this message is about."""
    message_id: str
    """Stable over redelivery, retry and replay."""
    correlation_id: str
    """The same for everything that one published command sets in motion."""
    causation_id: str
    """Id of the message that caused this one; empty at the start of a chain."""
    idempotency_key: str
    """Hand it to outside systems: the same for every attempt at the same piece of work."""
    reply_key: str = ""
    """Key under which the sender wants the answer; empty when nobody asked for one."""
    transition_to: str = ""
    """Reducers with a declared state machine: the state this event leads to."""
    answers_id: str = ""
    """Id of the message that this one answers: the one that caused it, but for completions of workflows."""
    deadline_ms: int = 0
    """Milliseconds since 1970 after which nobody waits for the answer; 0 where nobody said. ``MixinTimeout`` keeps to
    it."""
    attempt: int = 1
    """1 for the first try of an effect; grows with in-memory retries."""
    digest: str = ""
    """Of effects: digest of the message's type and content, which an idempotency key is bound to. Empty otherwise."""

    def leading_to(self, state: str) -> "Context":
        """The same for an event that leads to ``state`` of the declared machine."""
        return replace(self, transition_to=state)
