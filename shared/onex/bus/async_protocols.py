"""What asyncio applications need of a bus: publish, listen, join a group. aiokafka implements it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from onex.bus.protocols import Outgoing, ProtocolRecord

Take = Callable[[ProtocolRecord], None]
"""Takes one record of a listener, on the event loop."""


class ProtocolAsyncListener(Protocol):
    """Passes on every record that is written to some topics while it runs."""

    @property
    def topics(self) -> frozenset[str]:
        """Topics that it reads."""
        ...

    async def caught_up(self, patience: float = 2.0) -> None:
        """Return when every record that exists now was taken, or after ``patience`` seconds."""
        ...

    async def close(self) -> None:
        """Stop reading."""
        ...


class ProtocolAsyncConsumer(Protocol):
    """Reads committed records of one topic."""

    async def start(self) -> None:
        """Connect, and join the group if there is one. Raises BusError."""
        ...

    async def next(self) -> ProtocolRecord:
        """Wait for the next record. Raises BusError."""
        ...

    async def commit(self) -> None:
        """Commit the position after the last record that ``next`` returned. Raises BusError."""
        ...

    async def close(self) -> None:
        """Leave the group and disconnect."""
        ...


class ProtocolAsyncEventBus(Protocol):
    """A bus for one event loop: the counterpart of :class:`ProtocolEventBus` for applications."""

    async def start(self) -> None:
        """Connect. Raises BusUnavailableError."""
        ...

    async def publish(self, record: Outgoing) -> None:
        """Write one record and wait for its acknowledgement. Raises BusError.

        When the call is cancelled, the record may or may not be written.
        """
        ...

    def subscribe(self, group: str | None, topic: str, *, from_beginning: bool = False) -> ProtocolAsyncConsumer:
        """Return a consumer of a topic, which the caller starts and closes.

        Without a committed position it begins at the end, or at the earliest record with ``from_beginning``.
        """
        ...

    async def listen(self, topics: Sequence[str], take: Take) -> ProtocolAsyncListener:
        """Call ``take`` with every record that is written to these topics after this returns. Raises BusError."""
        ...

    async def partition_counts(self, topics: Sequence[str]) -> Mapping[str, int]:
        """Return the number of partitions of each topic. Raises MissingTopicError, BusError."""
        ...

    async def close(self) -> None:
        """Send what is queued and disconnect."""
        ...
