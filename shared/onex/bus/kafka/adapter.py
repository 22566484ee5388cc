"""KafkaEventBusAdapter: makes every confluent-kafka client of the mesh."""

from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from typing_extensions import override

from onex.bus.config import KafkaConfig
from onex.bus.kafka.admin import KafkaAdmin
from onex.bus.kafka.alternating_transactions import AlternatingTransactions
from onex.bus.kafka.clients import make_client
from onex.bus.kafka.consumer import ErrorSink, KafkaConsumer
from onex.bus.kafka.errors import to_bus_error, translate
from onex.bus.kafka.partitioner import partitions_of
from onex.bus.kafka.reader import KafkaReader
from onex.bus.kafka.transaction import AtLeastOnceProducer
from onex.bus.protocols import BusHealth, Outgoing, Partition, ProtocolEventBus, ProtocolRebalanceListener
from onex.bus.topics import require_topics
from onex.errors import BusError, BusUnavailableError, CompositionError, MissingTopicError

if TYPE_CHECKING:
    from onex.capability import Container

_PUBLISH_TIMEOUT = 30.0
_ATTEMPT = 0.5
"""Seconds of one attempt to reach a broker."""


class KafkaEventBusAdapter(ProtocolEventBus):
    """Publish, subscribe, transactions, admin and health on one Kafka cluster. Clients connect when first used."""

    def __init__(self, config: KafkaConfig) -> None:
        self.config = config
        self._errors = ErrorSink()
        self._producer: Producer | None = None
        self._admin: KafkaAdmin | None = None

    @classmethod
    def from_container(cls, container: "Container") -> Self:
        """Return a new adapter with the settings in a container. The caller closes it.

        They are those of a registered :class:`KafkaConfig`, or the addresses and client settings of
        :class:`onex.capability.AgentEnvironment`, which the container of a node has. Raise CompositionError without
        an address.
        """
        from onex.capability import AgentEnvironment  # agents make their adapters from settings

        if (config := container.find(KafkaConfig)) is not None:
            return cls(config)
        environment = container.find(AgentEnvironment) or AgentEnvironment()
        if not environment.kafka_bootstrap_servers:
            raise CompositionError(
                "the container has no address of Kafka; register a KafkaConfig, or an AgentEnvironment with "
                "kafka_bootstrap_servers"
            )
        return cls(KafkaConfig(environment.kafka_bootstrap_servers, extra=dict(environment.kafka_config)))

    @property
    @override
    def admin(self) -> KafkaAdmin:
        if self._admin is None:
            self._admin = KafkaAdmin(self.config, self._errors)
        return self._admin

    @override
    def publish(self, record: Outgoing) -> None:
        self.publish_batch([record])

    @override
    def publish_batch(self, records: Sequence[Outgoing]) -> None:
        producer = self._connected()
        failures: list[BusError] = []

        def report(error: KafkaError | None, message: Message) -> None:
            if error:
                failures.append(to_bus_error(error, f"writing to {message.topic()}"))

        for record in records:
            self._queue(producer, record, report)
        left = producer.flush(_PUBLISH_TIMEOUT)
        if failures:
            raise failures[0]
        if left:
            reason = self._errors.last or "no broker responds"
            raise BusUnavailableError(f"{left} records were not acknowledged: {reason}")

    def _connected(self) -> Producer:
        if self._producer is None:
            self._producer = make_client(Producer, self.config.producer(None), self._errors)
        return self._producer

    def request_producer_id(self, topic: str, timeout: float) -> None:
        """Connect the producer of ``publish``, so that the cluster allocates its first block of producer ids.

        Requests the metadata of ``topic``, which need not exist. Raises BusError after ``timeout`` seconds.
        """
        try:
            self._connected().list_topics(topic, timeout=timeout)
        except KafkaException as error:
            raise translate(error, "asking for a producer id") from None

    def _queue(
        self, producer: Producer, record: Outgoing, report: Callable[[KafkaError | None, Message], None]
    ) -> None:
        has_refreshed = False
        while True:
            try:
                producer.produce(
                    record.topic,
                    record.value,
                    record.key,
                    record.partition,
                    on_delivery=report,
                    headers=record.headers,  # type: ignore[arg-type]  # list is invariant in the stub
                )
            except BufferError:
                producer.poll(0.5)
            except KafkaException as error:
                failure = translate(error, f"writing to {record.topic}")
                if has_refreshed or not isinstance(failure, MissingTopicError):
                    raise failure from None
                # The producer caches that the topic was missing. The topic may have been created since.
                has_refreshed = True
                self._refresh(producer, record.topic)
            else:
                return

    def _refresh(self, producer: Producer, topic: str) -> None:
        try:
            producer.list_topics(topic, timeout=5)
        except KafkaException as error:
            raise translate(error, f"looking for {topic}") from None

    @override
    def subscribe(
        self, group: str, topics: Sequence[str], listener: ProtocolRebalanceListener | None = None
    ) -> KafkaConsumer:
        # Brokers do not report missing topics to a member of the new protocol (KIP-848).
        require_topics(self.admin, topics)
        return KafkaConsumer(self.config, group, topics, listener, self._errors)

    @override
    def transaction(self, transactional_id: str | None) -> AlternatingTransactions | AtLeastOnceProducer:
        if transactional_id is None:
            return AtLeastOnceProducer(self.config, self._errors)
        return AlternatingTransactions(self.config, transactional_id, self._errors)

    @override
    def read(self, positions: Mapping[Partition, int], ends: Mapping[Partition, int] | None = None) -> KafkaReader:
        require_topics(self.admin, sorted({partition.topic for partition in positions}))
        return KafkaReader(self.config, positions, ends, self.admin, self._errors)

    @override
    def partitions_of(self, keys: Sequence[bytes], partitions: int) -> list[int]:
        return partitions_of(keys, partitions)

    @override
    def fit(self, smallest: int, largest: int) -> None:
        self.config = self.config.fitting(smallest, largest)

    def require_broker(self, timeout: float, complaint: float) -> None:
        """Return when a broker responds.

        Raise BusUnavailableError, with the address and its setting, when no broker responds within ``timeout``
        seconds, or within ``complaint`` seconds when the client reports a reason: an unknown name, a refused
        connection.
        """
        began = monotonic()
        while True:
            try:
                self.admin.brokers(_ATTEMPT)
            except BusUnavailableError as error:
                waited = monotonic() - began
                if waited > timeout or (waited > complaint and self._errors.last):
                    raise BusUnavailableError(
                        f"{self._unreachable(error)}; start it, or correct the setting"
                    ) from None
            else:
                return

    def _unreachable(self, error: BusError) -> str:
        address = self.config.bootstrap_servers
        return f"KAFKA_BOOTSTRAP_SERVERS: no Kafka broker answers at {address}: {self._errors.last or error}"

    @override
    def health(self) -> BusHealth:
        try:
            brokers = self.admin.brokers()
        except BusError as error:
            return BusHealth(ok=False, detail=self._unreachable(error))
        return BusHealth(ok=True, detail=f"{brokers} broker(s) at {self.config.bootstrap_servers}")

    @override
    def close(self) -> None:
        if self._producer is not None:
            self._producer.flush(5)
        self._producer = self._admin = None
