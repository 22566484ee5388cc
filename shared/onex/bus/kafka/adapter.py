"""KafkaEventBusAdapter: the one door to Kafka."""

from collections.abc import Callable, Mapping, Sequence
from time import monotonic

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from onex.bus.kafka.admin import KafkaAdmin
from onex.bus.kafka.alternating_transactions import AlternatingTransactions
from onex.bus.kafka.clients import made
from onex.bus.kafka.config import KafkaConfig
from onex.bus.kafka.consumer import ErrorSink, KafkaConsumer
from onex.bus.kafka.errors import to_bus_error, translate
from onex.bus.kafka.partitioner import partitions_of
from onex.bus.kafka.reader import KafkaReader
from onex.bus.kafka.transaction import AtLeastOnceProducer
from onex.bus.protocols import BusHealth, Outgoing, Partition, ProtocolRebalanceListener
from onex.bus.topics import require_topics
from onex.errors import BusError, BusUnavailableError, MissingTopicError

_PUBLISH_TIMEOUT = 30.0
_SLICE = 0.5


class KafkaEventBusAdapter:
    """Publish, subscribe, transactions, admin and health on one Kafka cluster.

    See :class:`ProtocolEventBus` for what each method promises. Clients are made when first needed.
    """

    def __init__(self, config: KafkaConfig) -> None:
        self.config = config
        self._errors = ErrorSink()
        self._producer: Producer | None = None
        self._admin: KafkaAdmin | None = None

    @property
    def admin(self) -> KafkaAdmin:
        """Topics and groups."""
        if self._admin is None:
            self._admin = KafkaAdmin(self.config, self._errors)
        return self._admin

    def publish(self, record: Outgoing) -> None:
        """See the protocol."""
        self.publish_batch([record])

    def publish_batch(self, records: Sequence[Outgoing]) -> None:
        """See the protocol."""
        if self._producer is None:
            self._producer = made(Producer, self.config.producer(None), self._errors)
        failures: list[BusError] = []

        def report(error: KafkaError | None, message: Message) -> None:
            if error:
                failures.append(to_bus_error(error, f"writing to {message.topic()}"))

        for record in records:
            self._queue(self._producer, record, report)
        left = self._producer.flush(_PUBLISH_TIMEOUT)
        if failures:
            raise failures[0]
        if left:
            raise BusUnavailableError(f"{left} records were not acknowledged: {self._errors.last or 'no answer'}")

    def _queue(
        self, producer: Producer, record: Outgoing, report: Callable[[KafkaError | None, Message], None]
    ) -> None:
        asked = False
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
                if asked or not isinstance(failure, MissingTopicError):
                    raise failure from None
                # The producer remembers that the topic was missing; it may have been made since.
                asked = True
                self._look_again(producer, record.topic)
            else:
                return

    def _look_again(self, producer: Producer, topic: str) -> None:
        try:
            producer.list_topics(topic, timeout=5)
        except KafkaException as error:
            raise translate(error, f"looking for {topic}") from None

    def subscribe(
        self, group: str, topics: Sequence[str], listener: ProtocolRebalanceListener | None = None
    ) -> KafkaConsumer:
        """See the protocol. Brokers do not tell a member of the new protocol that a topic is missing: asked here."""
        require_topics(self.admin, topics)
        return KafkaConsumer(self.config, group, topics, listener, self._errors)

    def transaction(self, transactional_id: str | None) -> AlternatingTransactions | AtLeastOnceProducer:
        """See the protocol."""
        if transactional_id is None:
            return AtLeastOnceProducer(self.config, self._errors)
        return AlternatingTransactions(self.config, transactional_id, self._errors)

    def read(self, positions: Mapping[Partition, int], ends: Mapping[Partition, int] | None = None) -> KafkaReader:
        """See the protocol."""
        require_topics(self.admin, sorted({partition.topic for partition in positions}))
        return KafkaReader(self.config, positions, ends, self.admin, self._errors)

    def partitions_of(self, keys: Sequence[bytes], partitions: int) -> list[int]:
        """See the protocol."""
        return partitions_of(keys, partitions)

    def fit(self, smallest: int, largest: int) -> None:
        """See the protocol."""
        self.config = self.config.fitting(smallest, largest)

    def require_broker(self, timeout: float, complaint: float) -> None:
        """Return when a broker answers.

        Raise BusUnavailableError, with the address and its setting, when none does within ``timeout`` seconds, or
        within ``complaint`` seconds when the client has a reason: a name that is unknown, a connection refused.
        """
        began = monotonic()
        while True:
            try:
                self.admin.brokers(_SLICE)
            except BusUnavailableError as error:
                waited = monotonic() - began
                if waited > timeout or (waited > complaint and self._errors.last):
                    raise BusUnavailableError(f"{self._silence(error)}; start it, or correct the setting") from None
            else:
                return

    def _silence(self, error: BusError) -> str:
        address = self.config.bootstrap_servers
        return f"KAFKA_BOOTSTRAP_SERVERS: no Kafka broker answers at {address}: {self._errors.last or error}"

    def health(self) -> BusHealth:
        """One metadata request, at most five seconds."""
        try:
            brokers = self.admin.brokers()
        except BusError as error:
            return BusHealth(ok=False, detail=self._silence(error))
        return BusHealth(ok=True, detail=f"{brokers} broker(s) at {self.config.bootstrap_servers}")

    def close(self) -> None:
        """Release the clients made here; consumers and transactions are closed by their owners."""
        if self._producer is not None:
            self._producer.flush(5)
        self._producer = self._admin = None
