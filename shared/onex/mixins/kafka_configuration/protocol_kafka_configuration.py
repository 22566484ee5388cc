"""Interface of the node's own Kafka adapters."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from onex.capability.kafka import ProtocolKafkaAdapter
from onex.model.outgoing import BusHealth, Outgoing


@dataclass(frozen=True, slots=True)
class KafkaFacts:
    """Counters of records since the start."""

    producers: int
    published: int
    failed: int


class ProtocolKafka(Protocol):
    """Writes records at least once, outside of the agent's transaction."""

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Return when the brokers have acknowledged all records. Raise BusError with the first failure."""
        ...

    @property
    def bus(self) -> ProtocolKafkaAdapter:
        """The first adapter, for other operations than ``publish``. Its calls block: call it from a thread."""
        ...

    async def health(self) -> BusHealth:
        """Return whether the brokers respond."""
        ...

    def facts(self) -> KafkaFacts:
        """Return the counters since the start."""
        ...
