"""Kafka for engines that write to it themselves: what they need of ``KafkaEventBusAdapter``."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from onex.errors import CompositionError
from onex.model.outgoing import BusHealth, Outgoing


class ProtocolKafkaTopics(Protocol):
    """Looks topics up."""

    def topics(self, names: Sequence[str]) -> Mapping[str, object]:
        """Those that exist. Raises BusError."""
        ...


class ProtocolKafkaAdapter(Protocol):
    """One adapter. Its calls wait: make them in a thread, one at a time."""

    @property
    def admin(self) -> ProtocolKafkaTopics: ...
    def publish_batch(self, records: Sequence[Outgoing]) -> None:
        """Ends when all are acknowledged by all replicas in sync. Raises BusError."""
        ...

    def health(self) -> BusHealth: ...
    def close(self) -> None: ...


class ProtocolKafkaAdapters(Protocol):
    """Makes adapters; they connect when they are first used."""

    def open(self, servers: str, config: Mapping[str, str], producing: Mapping[str, str]) -> ProtocolKafkaAdapter:
        """``config`` is for all clients, ``producing`` for producers only: settings of librdkafka."""
        ...


class NoKafka:
    """Of a node that no agent runs."""

    def open(self, servers: str, config: Mapping[str, str], producing: Mapping[str, str]) -> ProtocolKafkaAdapter:
        """Raises CompositionError."""
        raise CompositionError("nothing opens Kafka; register ProtocolKafkaAdapters, or run the node in an agent")
