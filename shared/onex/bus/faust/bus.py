"""The Kafka bus with a Faust agent as the consumer."""

from collections.abc import Mapping, Sequence

from typing_extensions import override

from onex.bus.faust.consumer import FaustConsumer
from onex.bus.kafka import KafkaEventBusAdapter
from onex.bus.protocols import (
    BusHealth,
    Outgoing,
    Partition,
    ProtocolAdmin,
    ProtocolConsumer,
    ProtocolEventBus,
    ProtocolReader,
    ProtocolRebalanceListener,
    ProtocolTransaction,
)
from onex.bus.topics import require_topics
from onex.errors import ConfigurationError


class FaustEventBus(ProtocolEventBus):
    """Reads through Faust; everything else goes to the Kafka adapter.

    **Guarantee: at least once.** A record is acknowledged to Faust after the broker has acknowledged its outputs;
    Faust then commits contiguous offsets. After a crash, records that were finished beyond a stuck record run again,
    and so do records whose outputs were written and whose offsets were not: outputs may appear twice, with the same
    ids, and keyed state may count twice. The exactly-once mode of Faust is not used: under ``app.start()`` it is
    ignored without a message, and as a worker it commits the partial writes of failed handlers.
    """

    def __init__(self, kafka: KafkaEventBusAdapter) -> None:
        self._kafka = kafka

    @property
    @override
    def admin(self) -> ProtocolAdmin:
        return self._kafka.admin

    @override
    def publish(self, record: Outgoing) -> None:
        self._kafka.publish(record)

    @override
    def publish_batch(self, records: Sequence[Outgoing]) -> None:
        self._kafka.publish_batch(records)

    @override
    def subscribe(
        self, group: str, topics: Sequence[str], listener: ProtocolRebalanceListener | None = None
    ) -> ProtocolConsumer:
        """Start a Faust app named after the group, with one agent over the topics."""
        if not topics:
            return self._kafka.subscribe(group, topics)
        require_topics(self.admin, topics)
        return FaustConsumer(self._kafka, group, topics, listener)

    @override
    def transaction(self, transactional_id: str | None) -> ProtocolTransaction:
        """Return a producer of the at-least-once form. Raise ConfigurationError for a transactional id."""
        if transactional_id is not None:
            raise ConfigurationError("host: faust holds delivery.guarantee: at_least_once and no more")
        return self._kafka.transaction(None)

    @override
    def read(self, positions: Mapping[Partition, int], ends: Mapping[Partition, int] | None = None) -> ProtocolReader:
        return self._kafka.read(positions, ends)

    @override
    def partitions_of(self, keys: Sequence[bytes], partitions: int) -> list[int]:
        return self._kafka.partitions_of(keys, partitions)

    @override
    def fit(self, smallest: int, largest: int) -> None:
        self._kafka.fit(smallest, largest)

    @override
    def health(self) -> BusHealth:
        return self._kafka.health()

    @override
    def close(self) -> None:
        self._kafka.close()
