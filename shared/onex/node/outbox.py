"""Events that an effect has written into its own database, to be published exactly once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class OutboxEvent:
    """One row of an outbox."""

    number: int
    """Ascending; names the row."""
    id: str
    """Id of the event on the wire."""
    type: str
    """Class name of the message; one of the contract's outputs."""
    body: str
    """JSON of the message."""
    key: str
    """Partition key; empty leaves it to the message."""
    correlation_id: str
    causation_id: str


class ProtocolOutbox(Protocol):
    """Where the agent of an effect finds events to publish. One agent at a time leads."""

    async def lead(self) -> bool:
        """Whether this process may publish; once it may, it does until its connection is lost."""
        ...

    async def take(self, most: int) -> Sequence[OutboxEvent]:
        """The oldest rows. They stay until :meth:`done`."""
        ...

    async def done(self, numbers: Sequence[int]) -> None:
        """These are published: forget them."""
        ...

    async def wait(self, seconds: float) -> None:
        """Until there is something new, or so many seconds."""
        ...
