"""The outbox: events that an effect writes to its own database, and that the agent publishes exactly once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class OutboxEvent:
    """One row of an outbox."""

    number: int
    """Identifies the row. Ascending."""
    id: str
    """Id of the event's record."""
    type: str
    """Class name of the message, one of the contract's outputs."""
    body: str
    """JSON of the message."""
    key: str
    """Partition key. Empty uses the key that the message declares."""
    correlation_id: str
    causation_id: str


class ProtocolOutbox(Protocol):
    """Events for the agent to publish. One agent at a time is the leader."""

    async def lead(self) -> bool:
        """Return whether this process is the leader. A leader stays it until its connection is lost."""
        ...

    async def take(self, most: int) -> Sequence[OutboxEvent]:
        """Return the oldest rows, at most ``most``. They stay until :meth:`done`."""
        ...

    async def done(self, numbers: Sequence[int]) -> None:
        """Delete the rows of published events."""
        ...

    async def wait(self, seconds: float) -> None:
        """Wait for new rows, at most ``seconds``."""
        ...
