"""Producers of the engine: transactional, and the at-least-once form of the same shape."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from time import monotonic

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from onex.bus.kafka.clients import made
from onex.bus.kafka.config import KafkaConfig
from onex.bus.kafka.consumer import ErrorSink, KafkaConsumer, offsets_of
from onex.bus.kafka.errors import error_of, to_bus_error, translate
from onex.bus.protocols import NOWHERE, Emitted, Headers, OnDelivery, Partition, Position, ProtocolConsumer
from onex.model.errors import (
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
"""The coordinators' topic."""
_INIT_TIMEOUT = 30.0
_OFFSETS_TIMEOUT = 5.0
_COMMIT_TIMEOUT = 20.0
_KEPT = (FencedError, TransactionTimedOutError, BusUnavailableError, MissingTopicError, MessageTooLargeError)
"""Failures of a commit that a caller tells apart; after all others the batch just runs again."""


class _Producing:
    """Queueing with back-pressure; shared by both forms."""

    def __init__(self, config: KafkaConfig, transactional_id: str | None, on_error: ErrorSink) -> None:
        self._make = partial(made, Producer, config.producer(transactional_id), on_error)
        self._take(self._make())
        self._on_record: Callable[[KafkaError | None, Message], None] | None = None
        """Hears of every record, where a failure does not come with the commit."""
        self._must_return_by: float | None = None

    def _take(self, client: Producer) -> None:
        self._client = client
        self._send = client.produce

    def produce(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        headers: Headers,
        partition: int = -1,
        on_delivery: OnDelivery | None = None,
    ) -> None:
        """See :class:`ProtocolTransaction`."""
        callback = None if on_delivery is None else _report(on_delivery)
        try:
            self._send(topic, value, key, partition, callback, None, 0, headers)  # type: ignore[arg-type]  # list is invariant
        except BufferError:
            self._make_room()
            self.produce(topic, value, key, headers, partition, on_delivery)
        except KafkaException as error:
            raise self._refused(error, topic) from None

    def produce_all(self, records: Iterable[Emitted], partition: int = -1) -> None:
        """See the protocol."""
        send, report = self._send, self._on_record
        for topic, value, key, headers in records:
            try:
                send(topic, value, key, partition, report, None, 0, headers)  # type: ignore[arg-type]  # as above
            except BufferError:
                self.produce(topic, value, key, headers, partition)
            except KafkaException as error:
                raise self._refused(error, topic) from None

    def acknowledged(self) -> bool:
        """See the protocol."""
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
        """Why a record was not taken."""
        return self._failure(raised, f"writing to {topic}")

    def close(self) -> None:
        """Forget what is queued: what was not committed must not appear."""
        self._client.purge()

    def overdue(self) -> float:
        """See the protocol."""
        return 0.0 if self._must_return_by is None else max(0.0, monotonic() - self._must_return_by)

    @contextmanager
    def _within(self, seconds: float) -> Iterator[float]:
        """Around a call of librdkafka that gets these seconds as its timeout, and does not always keep it."""
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


class KafkaTransaction(_Producing):
    """Records and offsets in one Kafka transaction; see :class:`ProtocolTransaction`."""

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
            # Connected first: librdkafka looks for the coordinator once, and where no broker is up yet it looks again
            # half a second later.
            self._client.list_topics(TRANSACTION_STATE, timeout=_INIT_TIMEOUT)
            self._client.init_transactions(_INIT_TIMEOUT)
        except KafkaException as error:
            if (known := error_of(error)) and known.code() == KafkaError.INVALID_TRANSACTION_TIMEOUT:
                raise ConfigurationError(
                    f"ONEX_TRANSACTION_TIMEOUT_MS: {self._timeout * 1000:.0f} is more than the brokers' "
                    "transaction.max.timeout.ms; set it lower"
                ) from None
            raise translate(error, f"taking over transactional id {self._id}") from None

    def _failure(self, raised: BaseException, doing: str) -> BusError:
        """A producer whose transaction timed out is fenced by its coordinator, exactly as one whose name another
        instance took: the time that passed shows which it was."""
        failure = translate(raised, doing)
        passed = monotonic() - self._began
        if isinstance(failure, FencedError) and passed >= self._timeout:
            return TransactionTimedOutError(
                f"{doing}: the transaction was open for {passed:.1f} s, and times out after {self._timeout:g} s; "
                "make handlers quicker or delivery.batch_size smaller, or raise ONEX_TRANSACTION_TIMEOUT_MS"
            )
        return failure

    def begin(
        self, consumer: ProtocolConsumer | None = None, positions: Mapping[Partition, Position] = NOWHERE
    ) -> None:
        """See the protocol. The answer to offsets takes as long as all else of a commit: ask while there is work."""
        try:
            self._client.begin_transaction()
        except KafkaException as error:
            raise self._failure(error, "beginning a transaction") from None
        self._open, self._began = True, monotonic()
        if positions:
            self._early = self._helper.submit(self._send_offsets, consumer, positions)

    def _refused(self, raised: KafkaException, topic: str) -> BusError:
        """After a failure no record is taken ("erroneous state", "fatal error"); a commit names the cause."""
        known = error_of(raised)
        if known is not None and known.code() in (KafkaError._STATE, KafkaError._FATAL):
            if self._early is not None:
                wait([self._early])
            try:
                self._client.commit_transaction(1.0)
            except KafkaException as cause:
                return self._failure(cause, "writing")
        return self._failure(raised, f"writing to {topic}")

    def commit(self, consumer: ProtocolConsumer | None, positions: Mapping[Partition, Position]) -> None:
        """See the protocol; a commit that timed out is asked for again until it is decided."""
        early, self._early = self._early, None
        try:
            if early is not None:
                early.result()
            if positions:
                self._send_offsets(consumer, positions)
            self._commit()
        except (KafkaException, SystemError) as error:
            bus_error = self._failure(error, "committing")
            # What cannot be read from here is safe to run again.
            if isinstance(bus_error, _KEPT):
                raise bus_error from None
            raise TransactionAbortedError(str(bus_error)) from None
        self._open = False

    def _send_offsets(self, consumer: ProtocolConsumer | None, positions: Mapping[Partition, Position]) -> None:
        assert isinstance(consumer, KafkaConsumer)
        with self._within(_OFFSETS_TIMEOUT) as seconds:
            self._client.send_offsets_to_transaction(offsets_of(positions), consumer.group_metadata(), seconds)

    def _commit(self) -> None:
        while True:
            try:
                with self._within(_COMMIT_TIMEOUT) as seconds:
                    self._client.commit_transaction(seconds)
            except KafkaException as error:
                found = error_of(error)
                if found is None or not found.retriable():
                    raise
            else:
                return

    def close(self) -> None:
        """See the protocol."""
        super().close()
        self._helper.shutdown(wait=False)

    def abort(self) -> None:
        """See the protocol."""
        if not self._open:
            return
        self._open = False
        early, self._early = self._early, None
        if early is not None:
            wait([early])
        everything_acknowledged = self.acknowledged()
        try:
            with self._within(_COMMIT_TIMEOUT) as seconds:
                self._client.abort_transaction(seconds)
        except (KafkaException, SystemError) as error:
            raise self._failure(error, "aborting") from None
        if not everything_acknowledged:
            self._renew()

    def _renew(self) -> None:
        """Replace the producer by one with a new epoch, whose sequence numbers begin at zero.

        ``abort_transaction`` drops records that wait for a retry, and gives their sequence numbers to the next
        records. A broker that had written such a record, and whose acknowledgement was lost, takes the next record
        for a duplicate: it acknowledges the record without writing it, and the next transaction commits without it.
        See decision 45.
        """
        super().close()
        self._take(self._make())
        with self._within(_INIT_TIMEOUT):
            self._initialise()


class KafkaAcknowledged(_Producing):
    """At-least-once: wait for every acknowledgement, then commit the offsets."""

    def __init__(self, config: KafkaConfig, on_error: ErrorSink) -> None:
        super().__init__(config, None, on_error)
        self._failures: list[Exception] = []
        self._on_record = _report(self._note)
        self._early: tuple[ProtocolConsumer | None, Mapping[Partition, Position]] = None, NOWHERE

    def begin(
        self, consumer: ProtocolConsumer | None = None, positions: Mapping[Partition, Position] = NOWHERE
    ) -> None:
        """Nothing to open; positions wait for the commit."""
        self._failures.clear()
        self._early = consumer, positions

    def produce(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        headers: Headers,
        partition: int = -1,
        on_delivery: OnDelivery | None = None,
    ) -> None:
        """Every record reports, because one that failed must hold the offsets back."""

        def report(failure: Exception | None, offset: int) -> None:
            self._note(failure, offset)
            if on_delivery:
                on_delivery(failure, offset)

        super().produce(topic, value, key, headers, partition, report)

    def _note(self, failure: Exception | None, _: int) -> None:
        if failure:
            self._failures.append(failure)

    def commit(self, consumer: ProtocolConsumer | None, positions: Mapping[Partition, Position]) -> None:
        """See the protocol."""
        left = self._client.flush(_COMMIT_TIMEOUT)
        if left:
            raise TransactionAbortedError(f"{left} records were not acknowledged in {_COMMIT_TIMEOUT:.0f} s")
        if self._failures:
            first = self._failures[0]
            raise first if isinstance(first, MessageTooLargeError) else TransactionAbortedError(str(first))
        if not positions:
            consumer, positions = self._early
        if positions:
            assert consumer is not None
            consumer.commit(positions)

    def abort(self) -> None:
        """What was acknowledged stays: this is at-least-once.

        A purge goes on in the background, and meets records that are produced after it (six times in forty): none is
        made when nothing is queued.
        """
        if len(self._client):
            self._client.purge()
            self._client.flush(1.0)
        self._failures.clear()
