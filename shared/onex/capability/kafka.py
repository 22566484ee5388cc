"""Kafka for engines that write to it directly: the part of ``KafkaEventBusAdapter`` that they use."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from typing_extensions import override

from onex.errors import CompositionError
from onex.model.outgoing import BusHealth, Outgoing


class ProtocolKafkaTopics(Protocol):
    """Looks up topics."""

    def topics(self, names: Sequence[str]) -> Mapping[str, object]:
        """Return the topics that exist, by name. Raise BusError."""
        ...


class ProtocolKafkaAdapter(Protocol):
    """One adapter. Its calls block: call it from a thread, one call at a time."""

    @property
    def admin(self) -> ProtocolKafkaTopics: ...
    def publish_batch(self, records: Sequence[Outgoing]) -> None:
        """Return when all in-sync replicas have acknowledged all records. Raise BusError."""
        ...

    def health(self) -> BusHealth: ...
    def close(self) -> None: ...


class ProtocolKafkaAdapters(Protocol):
    """Creates adapters. An adapter connects at its first use."""

    def open(self, servers: str, config: Mapping[str, str], producing: Mapping[str, str]) -> ProtocolKafkaAdapter:
        """Return a new adapter. ``config`` has librdkafka settings of all clients, ``producing`` of producers."""
        ...


class NoKafka(ProtocolKafkaAdapters):
    """The adapters of a node that runs without an agent."""

    @override
    def open(self, servers: str, config: Mapping[str, str], producing: Mapping[str, str]) -> ProtocolKafkaAdapter:
        """Raise CompositionError."""
        raise CompositionError("no Kafka adapters; register ProtocolKafkaAdapters, or run the node in an agent")
