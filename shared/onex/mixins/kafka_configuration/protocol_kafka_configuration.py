"""What a node may do with its own Kafka clients."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from onex.capability.kafka import ProtocolKafkaAdapter
from onex.model.outgoing import BusHealth, Outgoing


@dataclass(frozen=True, slots=True)
class KafkaFacts:
    """What was written so far, in records."""

    producers: int
    published: int
    failed: int


class ProtocolKafka(Protocol):
    """Written at least once, outside of the agent's transaction."""

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Ends when all are acknowledged. Raises BusError with the first failure."""
        ...

    @property
    def bus(self) -> ProtocolKafkaAdapter:
        """The first adapter, for what ``publish`` cannot do; its calls wait, so make them in a thread."""
        ...

    async def health(self) -> BusHealth:
        """Whether brokers answer."""
        ...

    def facts(self) -> KafkaFacts:
        """Counted since start."""
        ...
