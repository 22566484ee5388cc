"""The Kafka bus, with Faust in the place of the consumer."""

from collections.abc import Mapping, Sequence

from onex.bus.faust.consumer import FaustConsumer
from onex.bus.kafka import KafkaEventBusAdapter
from onex.bus.protocols import (
    BusHealth,
    Outgoing,
    Partition,
    ProtocolAdmin,
    ProtocolConsumer,
    ProtocolReader,
    ProtocolRebalanceListener,
    ProtocolTransaction,
)
from onex.bus.topics import require_topics
from onex.errors import ConfigurationError


class FaustEventBus:
    """See :class:`ProtocolEventBus`.

    **Guarantee: at least once.** A record is acknowledged to Faust by hand, after its outputs were acknowledged by
    the broker; Faust then commits contiguous offsets. What was finished beyond a stuck record runs again after a
    crash, and so do records whose outputs were written while their offsets were not: outputs may appear twice,
    with the same ids, and keyed state may count twice. Faust's own exactly-once is not used: under ``app.start()``
    it is ignored without a word, and as a worker it commits the partial writes of failed handlers.
    """

    def __init__(self, kafka: KafkaEventBusAdapter) -> None:
        self._kafka = kafka

    @property
    def admin(self) -> ProtocolAdmin:
        """See the protocol."""
        return self._kafka.admin

    def publish(self, record: Outgoing) -> None:
        """See the protocol."""
        self._kafka.publish(record)

    def publish_batch(self, records: Sequence[Outgoing]) -> None:
        """See the protocol."""
        self._kafka.publish_batch(records)

    def subscribe(
        self, group: str, topics: Sequence[str], listener: ProtocolRebalanceListener | None = None
    ) -> ProtocolConsumer:
        """Start a Faust app named after the group, with one agent over the topics."""
        if not topics:
            return self._kafka.subscribe(group, topics)
        require_topics(self.admin, topics)
        return FaustConsumer(self._kafka, group, topics, listener)

    def transaction(self, transactional_id: str | None) -> ProtocolTransaction:
        """Only the at-least-once form; raises ConfigurationError for another."""
        if transactional_id is not None:
            raise ConfigurationError("host: faust holds delivery.guarantee: at_least_once and no more")
        return self._kafka.transaction(None)

    def read(self, positions: Mapping[Partition, int], ends: Mapping[Partition, int] | None = None) -> ProtocolReader:
        """See the protocol."""
        return self._kafka.read(positions, ends)

    def partitions_of(self, keys: Sequence[bytes], partitions: int) -> list[int]:
        """See the protocol."""
        return self._kafka.partitions_of(keys, partitions)

    def fit(self, smallest: int, largest: int) -> None:
        """See the protocol."""
        self._kafka.fit(smallest, largest)

    def health(self) -> BusHealth:
        """See the protocol."""
        return self._kafka.health()

    def close(self) -> None:
        """See the protocol."""
        self._kafka.close()
