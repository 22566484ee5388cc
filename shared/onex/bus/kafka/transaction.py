"""Producers of the engine: the transactional form, and the at-least-once form of the same shape."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from time import monotonic

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from typing_extensions import override

from onex.bus.config import KafkaConfig
from onex.bus.kafka.clients import make_client
from onex.bus.kafka.consumer import ErrorSink, offsets_of
from onex.bus.kafka.errors import error_of, to_bus_error, translate
from onex.bus.protocols import (
    NOWHERE,
    Emitted,
    Headers,
    OnDelivery,
    Partition,
    Position,
    ProtocolConsumer,
    ProtocolTransaction,
)
from onex.errors import (
    BusError,
    BusUnavailableError,
    ConfigurationError,
    FencedError,
    MessageTooLargeError,
    MissingTopicError,
    TransactionAbortedError,
    TransactionTimedOutError,
)

TRANSACTION_STATE = "__transaction_state"
"""Topic of the transaction coordinators."""
_INIT_TIMEOUT = 30.0
_OFFSETS_TIMEOUT = 5.0
_COMMIT_TIMEOUT = 20.0
_MOST_ABORTS, _REPORT_TIMEOUT = 4, 1.0
"""An abort makes delivery reports itself, of what it drops. They may come while it already waits, and after it."""
_PRESERVED = (FencedError, TransactionTimedOutError, BusUnavailableError, MissingTopicError, MessageTooLargeError)
"""Failures of a commit that a caller distinguishes. After any other failure the batch runs again."""


class _QueueingProducer(ProtocolTransaction):
    """Queues records with back-pressure: the part that both forms share."""

    def __init__(self, config: KafkaConfig, transactional_id: str | None, on_error: ErrorSink) -> None:
        self._make = partial(make_client, Producer, config.producer(transactional_id), on_error)
        self._take(self._make())
        self._on_record: Callable[[KafkaError | None, Message], None] | None = None
        """Called for every record, in the form in which the commit does not report failures."""
        self._must_return_by: float | None = None

    def _take(self, client: Producer) -> None:
        self._client = client
        self._send = client.produce

    @override
    def produce(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        headers: Headers,
        partition: int = -1,
        on_delivery: OnDelivery | None = None,
    ) -> None:
        callback = None if on_delivery is None else _report(on_delivery)
        try:
            self._send(topic, value, key, partition, callback, None, 0, headers)  # type: ignore[arg-type]  # list is invariant
        except BufferError:
            self._make_room()
            self.produce(topic, value, key, headers, partition, on_delivery)
        except KafkaException as error:
            raise self._refused(error, topic) from None

    @override
    def produce_all(self, records: Iterable[Emitted], partition: int = -1) -> None:
        send, report = self._send, self._on_record
        for topic, value, key, headers in records:
            try:
                send(topic, value, key, partition, report, None, 0, headers)  # type: ignore[arg-type]  # as above
            except BufferError:
                self.produce(topic, value, key, headers, partition)
            except KafkaException as error:
                raise self._refused(error, topic) from None

    @override
    def acknowledged(self) -> bool:
        self._take_reports(0.0)
        return not len(self._client)

    def _make_room(self) -> None:
        self._take_reports(1.0)

    def _take_reports(self, seconds: float) -> None:
        try:
            self._client.poll(seconds)
        except (KafkaException, SystemError) as error:
            raise self._failure(error, "writing") from None

    def _failure(self, raised: BaseException, doing: str) -> BusError:
        return translate(raised, doing)

    def _refused(self, raised: KafkaException, topic: str) -> BusError:
        """Return the reason why the client refused a record."""
        return self._failure(raised, f"writing to {topic}")

    @override
    def close(self) -> None:
        """Purge the queue: records that are not committed must not appear."""
        self._client.purge()

    @override
    def overdue(self) -> float:
        return 0.0 if self._must_return_by is None else max(0.0, monotonic() - self._must_return_by)

    @contextmanager
    def _within(self, seconds: float) -> Iterator[float]:
        """Surround a call of librdkafka with this timeout, which it does not always keep; see ``overdue``."""
        self._must_return_by = monotonic() + seconds
        try:
            yield seconds
        finally:
            self._must_return_by = None


def _report(on_delivery: OnDelivery) -> Callable[[KafkaError | None, Message], None]:
    def callback(error: KafkaError | None, message: Message) -> None:
        failure = to_bus_error(error, f"writing to {message.topic()}") if error else None
        on_delivery(failure, message.offset() or 0)

    return callback


class KafkaTransaction(_QueueingProducer):
    """Commits records and offsets in one Kafka transaction."""

    def __init__(self, config: KafkaConfig, transactional_id: str, on_error: ErrorSink) -> None:
        super().__init__(config, transactional_id, on_error)
        self._open = False
        self._helper = ThreadPoolExecutor(1, "offsets")
        self._early: Future[None] | None = None
        self._timeout = config.transaction_timeout_ms / 1000
        self._began = monotonic()
        self._id = transactional_id
        self._initialise()

    def _initialise(self) -> None:
        """Fence earlier producers with this transactional id, and wait until their transactions have ended."""
        try:
            # Connect first: librdkafka looks for the coordinator once, and when no broker is connected yet, it looks
            # again half a second later.
            self._client.list_topics(TRANSACTION_STATE, timeout=_INIT_TIMEOUT)
            self._client.init_transactions(_INIT_TIMEOUT)
        except KafkaException as error:
            if (cause := error_of(error)) and cause.code() == KafkaError.INVALID_TRANSACTION_TIMEOUT:
                raise ConfigurationError(
                    f"ONEX_TRANSACTION_TIMEOUT_MS: {self._timeout * 1000:.0f} is more than the brokers' "
                    "transaction.max.timeout.ms; set it lower"
                ) from None
            raise translate(error, f"taking over transactional id {self._id}") from None

    def _failure(self, raised: BaseException, doing: str) -> BusError:
        """Return the bus error.

        The coordinator fences a producer whose transaction timed out, exactly as one whose id another instance took.
        The duration of the transaction shows which of the two happened.
        """
        failure = translate(raised, doing)
        open_for = monotonic() - self._began
        if isinstance(failure, FencedError) and open_for >= self._timeout:
            return TransactionTimedOutError(
                f"{doing}: the transaction was open for {open_for:.1f} s, and times out after {self._timeout:g} s; "
                "make handlers quicker or delivery.batch_size smaller, or raise ONEX_TRANSACTION_TIMEOUT_MS"
            )
        return failure

    @override
    def begin(
        self, consumer: ProtocolConsumer | None = None, positions: Mapping[Partition, Position] = NOWHERE
    ) -> None:
        """Start a transaction, and send ``positions`` meanwhile.

        That request takes as long as the rest of a commit.
        """
        try:
            self._client.begin_transaction()
        except KafkaException as error:
            raise self._failure(error, "beginning a transaction") from None
        self._open, self._began = True, monotonic()
        if positions:
            self._early = self._helper.submit(self._send_offsets, consumer, positions)

    def _refused(self, raised: KafkaException, topic: str) -> BusError:
        """Return the reason. After a failure the client refuses every record ("erroneous state", "fatal error"), and
        only a commit reports the cause."""
        refusal = error_of(raised)
        if refusal is not None and refusal.code() in (KafkaError._STATE, KafkaError._FATAL):
            if self._early is not None:
                wait([self._early])
            try:
                self._client.commit_transaction(1.0)
            except KafkaException as cause:
                return self._failure(cause, "writing")
        return self._failure(raised, f"writing to {topic}")

    @override
    def commit(self, consumer: ProtocolConsumer | None, positions: Mapping[Partition, Position]) -> None:
        """Commit records and positions together. A commit that timed out is repeated until it is decided.

        Raises TransactionAbortedError (abort and run again), FencedError (stop), TransactionTimedOutError,
        BusUnavailableError, MissingTopicError, MessageTooLargeError.
        """
        early, self._early = self._early, None
        try:
            if early is not None:
                early.result()
            if positions:
                self._send_offsets(consumer, positions)
            self._commit()
        except (KafkaException, SystemError) as error:
            bus_error = self._failure(error, "committing")
            # After any other failure it is safe to run the batch again.
            if isinstance(bus_error, _PRESERVED):
                raise bus_error from None
            raise TransactionAbortedError(str(bus_error)) from None
        self._open = False

    def _send_offsets(self, consumer: ProtocolConsumer | None, positions: Mapping[Partition, Position]) -> None:
        assert consumer is not None
        with self._within(_OFFSETS_TIMEOUT) as seconds:
            self._client.send_offsets_to_transaction(offsets_of(positions), consumer.group_metadata(), seconds)

    def _commit(self) -> None:
        while True:
            try:
                with self._within(_COMMIT_TIMEOUT) as seconds:
                    self._client.commit_transaction(seconds)
            except KafkaException as error:
                cause = error_of(error)
                if cause is None or not cause.retriable():
                    raise
            else:
                return

    @override
    def close(self) -> None:
        super().close()
        self._helper.shutdown(wait=False)

    @override
    def abort(self) -> None:
        if not self._open:
            return
        self._open = False
        early, self._early = self._early, None
        if early is not None:
            wait([early])
        everything_acknowledged = self.acknowledged()
        try:
            self._abort()
        except (KafkaException, SystemError) as error:
            raise self._failure(error, "aborting") from None
        if not everything_acknowledged:
            self._renew()

    def _abort(self) -> None:
        """Abort. A record whose delivery report waits for a poll counts as outstanding: the call times out."""
        for left in reversed(range(_MOST_ABORTS)):
            try:
                with self._within(_COMMIT_TIMEOUT) as seconds:
                    self._client.abort_transaction(seconds)
            except KafkaException as error:
                cause = error_of(error)
                if not left or cause is None or not cause.retriable() or not self._client.poll(_REPORT_TIMEOUT):
                    raise
            else:
                return

    def _renew(self) -> None:
        """Replace the producer by one with a new epoch, whose sequence numbers begin at zero.

        ``abort_transaction`` drops records that wait for a retry, and reuses their sequence numbers for the next
        records. A broker that had written such a record, and whose acknowledgement was lost, takes the next record
        for a duplicate: it acknowledges the record without writing it, and the next transaction commits without it.
        See decision 45.
        """
        with self._within(2 * _INIT_TIMEOUT):  # two calls, each with this timeout
            super().close()
            self._take(self._make())
            self._initialise()


class AtLeastOnceProducer(_QueueingProducer):
    """The at-least-once form: waits for every acknowledgement, then commits the positions."""

    def __init__(self, config: KafkaConfig, on_error: ErrorSink) -> None:
        super().__init__(config, None, on_error)
        self._failures: list[Exception] = []
        self._on_record = _report(self._note)
        self._early: tuple[ProtocolConsumer | None, Mapping[Partition, Position]] = None, NOWHERE

    @override
    def begin(
        self, consumer: ProtocolConsumer | None = None, positions: Mapping[Partition, Position] = NOWHERE
    ) -> None:
        """Store the positions until the commit: there is nothing to open."""
        self._failures.clear()
        self._early = consumer, positions

    @override
    def produce(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        headers: Headers,
        partition: int = -1,
        on_delivery: OnDelivery | None = None,
    ) -> None:
        """Queue one record. Each record reports, because no position may be committed after a failure."""

        def report(failure: Exception | None, offset: int) -> None:
            self._note(failure, offset)
            if on_delivery:
                on_delivery(failure, offset)

        super().produce(topic, value, key, headers, partition, report)

    def _note(self, failure: Exception | None, _: int) -> None:
        if failure:
            self._failures.append(failure)

    @override
    def commit(self, consumer: ProtocolConsumer | None, positions: Mapping[Partition, Position]) -> None:
        unacknowledged = self._client.flush(_COMMIT_TIMEOUT)
        if unacknowledged:
            raise TransactionAbortedError(
                f"{unacknowledged} records were not acknowledged in {_COMMIT_TIMEOUT:.0f} s"
            )
        if self._failures:
            first = self._failures[0]
            raise first if isinstance(first, MessageTooLargeError) else TransactionAbortedError(str(first))
        if not positions:
            consumer, positions = self._early
        if positions:
            assert consumer is not None
            consumer.commit(positions)

    @override
    def abort(self) -> None:
        """Drop what is queued. Acknowledged records stay: the guarantee is at-least-once.

        A purge continues in the background, and may drop records that are produced after it (6 times in 40). So there
        is no purge when the queue is empty.
        """
        if len(self._client):
            self._client.purge()
            self._client.flush(1.0)
        self._failures.clear()
