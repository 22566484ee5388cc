"""The record of the current message as the brokers have it, for engines that check bytes."""

from dataclasses import dataclass
from typing import Protocol

from typing_extensions import override


@dataclass(frozen=True, slots=True)
class RecordFacts:
    """A record, and its place on the topic that it was first written to."""

    topic: str
    """The input topic, also for a record that waits on the node's retry topic."""
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    message_id: bytes
    arrived_ms: int
    """When the brokers stored it, in milliseconds since 1970; 0 where the topic has the time of the producer."""
    is_repeated: bool
    """The node has called its handler with it before: a later attempt, or the replay of a dead letter."""

    @property
    def place(self) -> str:
        """Name of the place. Equal places are the same record, however often it is delivered."""
        return f"{self.topic}-{self.partition}-{self.offset}"


class ProtocolCurrentRecord(Protocol):
    """The record that this thread or task handles."""

    def facts(self) -> RecordFacts | None:
        """Return the record; None outside of a handler, and for a fired timer."""
        ...


class NoCurrentRecord(ProtocolCurrentRecord):
    """The current record of a node that runs without an agent: none."""

    @override
    def facts(self) -> None:
        return None
