"""Transactions on the in-memory bus, fenced by epoch."""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum

from onex.bus.memory.broker import MemoryBroker
from onex.bus.memory.consumer import MemoryConsumer
from onex.bus.memory.log import COMMITTED, TransactionMark, TransactionState
from onex.bus.protocols import NOWHERE, Emitted, Headers, OnDelivery, Partition, Position, ProtocolConsumer
from onex.errors import (
    BusError,
    BusUnavailableError,
    FencedError,
    MessageTooLargeError,
    TransactionAbortedError,
    TransactionTimedOutError,
)


class Moment(Enum):
    """Where a process may be stopped for a while inside of a transaction."""

    BEGUN = "begun"
    """Positions that were given at the start are sent."""
    COMMITTING = "committing"
    """Every record is written, the other positions are not sent."""
    ENDING = "ending"
    """Everything is sent but for the end of the transaction."""


class MemoryTransaction:
    """See :class:`ProtocolTransaction`; without an id every record is visible at once."""

    def __init__(self, broker: MemoryBroker, transactional_id: str | None) -> None:
        broker.require_up()
        self._broker = broker
        self._id = transactional_id
        self._mark: TransactionMark | None = None
        self._failure: BusError | None = None
        self.fail_next_commit = False
        """Test switch: the next commit is refused after all records were written."""
        self.lose_next_response = False
        """Test switch: the next commit succeeds and nobody hears of it; then the connection is gone."""
        self.at_moment: Callable[[Moment], None] = lambda _: None
        """Test switch: called at every moment, as if the process stood still there while others go on."""
        self._lost = False
        self._early: tuple[ProtocolConsumer | None, Mapping[Partition, Position]] = None, NOWHERE
        if transactional_id is not None:
            self._epoch = broker.epochs[transactional_id] = broker.epochs.get(transactional_id, 0) + 1
            broker.end(transactional_id, TransactionState.ABORTED)

    def begin(
        self, consumer: ProtocolConsumer | None = None, positions: Mapping[Partition, Position] = NOWHERE
    ) -> None:
        """See the protocol."""
        self._broker.expire()
        self._check()
        self._early = consumer, positions
        self._failure = None
        if self._id is not None:
            self._mark = self._broker.open_marks[self._id] = TransactionMark(began_ms=self._broker.now_ms())
            self._send(consumer, positions)
        self.at_moment(Moment.BEGUN)

    def produce(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        headers: Headers,
        partition: int = -1,
        on_delivery: OnDelivery | None = None,
    ) -> None:
        """See :class:`ProtocolTransaction`. Failures of the broker come with the commit, as Kafka has it."""
        self._check()
        try:
            self._broker.check_writable(topic, value, key, headers)
        except BusError as error:
            self._failure = self._failure or error
            if on_delivery:
                on_delivery(error, -1)
            return
        offset = self._broker.append(topic, value, key, headers, partition, self._mark or COMMITTED)
        if on_delivery:
            on_delivery(None, offset)

    def produce_all(self, records: Iterable[Emitted], partition: int = -1) -> None:
        """See the protocol."""
        for topic, value, key, headers in records:
            self.produce(topic, value, key, headers, partition)

    def commit(self, consumer: ProtocolConsumer | None, positions: Mapping[Partition, Position]) -> None:
        """See the protocol. Only positions are fenced by the group, when they are sent: as in Kafka, the end of the
        transaction asks nobody."""
        self.at_moment(Moment.COMMITTING)
        self._broker.expire()
        self._check()
        if self.fail_next_commit:
            self.fail_next_commit = False
            raise TransactionAbortedError("the commit was switched to fail")
        if self._mark is None:
            self._commit_acknowledged(*((consumer, positions) if positions else self._early))
        else:
            self._send(consumer, positions)
            self.at_moment(Moment.ENDING)
            self._broker.expire()
            self._check()
            self._raise_failure()
            self._end(TransactionState.COMMITTED)
        if self.lose_next_response:
            self._lost = True
            raise BusUnavailableError("the answer to the commit was lost")

    def _commit_acknowledged(
        self, consumer: ProtocolConsumer | None, positions: Mapping[Partition, Position]
    ) -> None:
        """The at-least-once form."""
        self._raise_failure()
        if positions:
            assert consumer is not None
            consumer.commit(positions)

    def _raise_failure(self) -> None:
        if isinstance(self._failure, MessageTooLargeError):
            raise self._failure
        if self._failure:
            raise TransactionAbortedError(str(self._failure))

    def _send(self, consumer: ProtocolConsumer | None, positions: Mapping[Partition, Position]) -> None:
        """Send positions (TxnOffsetCommit). Why the group refuses them comes with the commit."""
        if not positions or self._mark is None:
            return
        assert isinstance(consumer, MemoryConsumer)
        if consumer.alive:
            consumer.group.send(self._mark, positions)
        else:
            self._failure = self._failure or BusUnavailableError("the group does not know this member any more")

    def abort(self) -> None:
        """See the protocol."""
        if self._lost:
            raise BusUnavailableError("the connection is gone")
        if self._mark is not None:
            self._end(TransactionState.ABORTED)

    def _end(self, state: TransactionState) -> None:
        mark, self._mark = self._mark, None
        if self._id is not None and self._broker.open_marks.get(self._id) is mark:
            self._broker.end(self._id, state)

    def _check(self) -> None:
        self._broker.require_up()
        if self._lost:
            raise BusUnavailableError("the connection is gone")
        if self._id is not None and self._broker.epochs[self._id] != self._epoch:
            mark, self._mark = self._mark, None
            if mark is not None and self._broker.is_expired(mark):
                raise TransactionTimedOutError("the transaction was open for longer than its timeout")
            raise FencedError(f"another instance took over {self._id}")

    def acknowledged(self) -> bool:
        """Nothing is ever on its way."""
        return True

    def overdue(self) -> float:
        """Nothing here waits."""
        return 0.0

    def close(self) -> None:
        """Nothing to release; an open transaction stays open, as after a crash."""
