"""Transactions on the in-memory bus, fenced by epoch."""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum

from typing_extensions import override

from onex.bus.memory.broker import MemoryBroker
from onex.bus.memory.group import GroupMember
from onex.bus.memory.log import COMMITTED, TransactionMark, TransactionState
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
    FencedError,
    MessageTooLargeError,
    TransactionAbortedError,
    TransactionTimedOutError,
)


class Moment(Enum):
    """Where a process may stop for a while within a transaction."""

    BEGUN = "begun"
    """The positions of ``begin`` are sent."""
    COMMITTING = "committing"
    """Every record is written; the other positions are not sent yet."""
    ENDING = "ending"
    """Everything is sent except the end of the transaction."""


class MemoryTransaction(ProtocolTransaction):
    """A producer of one broker. Without an id every record is visible immediately."""

    def __init__(self, broker: MemoryBroker, transactional_id: str | None) -> None:
        broker.require_up()
        self._broker = broker
        self._id = transactional_id
        self._mark: TransactionMark | None = None
        self._failure: BusError | None = None
        self.fail_next_commit = False
        """Test switch: the next commit is refused after all records were written."""
        self.lose_next_response = False
        """Test switch: the next commit succeeds and the caller does not learn it: the connection is gone."""
        self.at_moment: Callable[[Moment], None] = lambda _: None
        """Test switch: called at every moment, as if the process stopped there while others continue."""
        self._lost = False
        self._early: tuple[ProtocolConsumer | None, Mapping[Partition, Position]] = None, NOWHERE
        if transactional_id is not None:
            self._epoch = broker.epochs[transactional_id] = broker.epochs.get(transactional_id, 0) + 1
            broker.end(transactional_id, TransactionState.ABORTED)

    @override
    def begin(
        self, consumer: ProtocolConsumer | None = None, positions: Mapping[Partition, Position] = NOWHERE
    ) -> None:
        self._broker.expire()
        self._check()
        self._early = consumer, positions
        self._failure = None
        if self._id is not None:
            self._mark = self._broker.open_marks[self._id] = TransactionMark(began_ms=self._broker.now_ms())
            self._send(consumer, positions)
        self.at_moment(Moment.BEGUN)

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
        """Write one record. A failure of the broker is raised by the commit, as in Kafka."""
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

    @override
    def produce_all(self, records: Iterable[Emitted], partition: int = -1) -> None:
        for topic, value, key, headers in records:
            self.produce(topic, value, key, headers, partition)

    @override
    def commit(self, consumer: ProtocolConsumer | None, positions: Mapping[Partition, Position]) -> None:
        """Commit records and positions together.

        As in Kafka, the group fences positions when they are sent, and does not check the end of the transaction.
        Raises TransactionAbortedError, TransactionTimedOutError, FencedError, BusUnavailableError.
        """
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
            raise BusUnavailableError("the reply to the commit was lost")

    def _commit_acknowledged(
        self, consumer: ProtocolConsumer | None, positions: Mapping[Partition, Position]
    ) -> None:
        """Commit in the at-least-once form."""
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
        """Send positions (TxnOffsetCommit). When the group refuses them, the commit raises the reason."""
        if not positions or self._mark is None:
            return
        assert consumer is not None
        member = consumer.group_metadata()
        assert isinstance(member, GroupMember), "positions of a consumer of another bus"
        if member.is_member:
            member.group.send(self._mark, positions)
        else:
            self._failure = self._failure or BusUnavailableError("the group does not know this member any more")

    @override
    def abort(self) -> None:
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

    @override
    def acknowledged(self) -> bool:
        """Return True: a record is written when it is produced."""
        return True

    @override
    def overdue(self) -> float:
        """Return 0: no call waits."""
        return 0.0

    @override
    def close(self) -> None:
        """Do nothing. An open transaction stays open, as after a crash."""
