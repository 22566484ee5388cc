"""Where the memory bus is as strict as Kafka."""

from collections.abc import Mapping, Sequence

import pytest

from onex.bus.memory import MemoryBroker, MemoryEventBus
from onex.bus.memory.consumer import MemoryConsumer
from onex.bus.protocols import Outgoing, Partition, Position, TopicState
from onex.errors import BusUnavailableError, TransactionAbortedError, TransactionTimedOutError

PLACE = Partition("t", 0)


class Time:
    ms = 1_700_000_000_000


class Heard:
    """A listener."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, list[Partition]]] = []

    def on_assigned(self, partitions: Sequence[Partition], committed: Mapping[Partition, Position]) -> None:
        self.heard.append(("assigned", list(partitions)))

    def on_revoked(self, partitions: Sequence[Partition]) -> None:
        self.heard.append(("revoked", list(partitions)))

    def on_lost(self, partitions: Sequence[Partition]) -> None:
        self.heard.append(("lost", list(partitions)))


@pytest.fixture
def bus() -> MemoryEventBus:
    Time.ms = 1_700_000_000_000
    made = MemoryEventBus(MemoryBroker(lambda: Time.ms))
    made.admin.create([TopicState("t", 1, 1, {"cleanup.policy": "compact", "delete.retention.ms": "1000"})])
    return made


def joined(bus: MemoryEventBus) -> MemoryConsumer:
    consumer = bus.subscribe("g", ["t"])
    consumer.batch(10, 0)
    return consumer


def test_a_dead_member_is_fenced_by_positions_alone(bus: MemoryEventBus) -> None:
    consumer, transaction = joined(bus), bus.transaction("x")
    consumer.expel()
    transaction.begin()
    transaction.commit(consumer, {})
    transaction.begin(consumer, {PLACE: Position(1)})
    with pytest.raises(TransactionAbortedError, match="does not know this member"):
        transaction.commit(consumer, {})
    transaction.abort()
    with pytest.raises(BusUnavailableError):
        consumer.commit({PLACE: Position(1)})


def test_a_member_that_does_not_poll_is_given_up_and_learns_so(bus: MemoryEventBus) -> None:
    bus.broker.session_ms = 10_000
    listener = Heard()
    first, second = bus.subscribe("g", ["t"], listener), bus.subscribe("g", ["t"])
    first.batch(10, 0)
    transaction = bus.transaction("x")
    Time.ms += 10_000
    second.batch(10, 0)
    assert (first.alive, second.assignment()) == (True, []), "it polled just in time"
    Time.ms += 1
    second.batch(10, 0)
    assert (first.alive, second.assignment(), listener.heard) == (False, [PLACE], [("assigned", [PLACE])])
    transaction.begin(first, {PLACE: Position(1)})
    with pytest.raises(TransactionAbortedError, match="does not know this member"):
        transaction.commit(first, {})
    with pytest.raises(BusUnavailableError):
        first.commit({PLACE: Position(1)})
    first.batch(10, 0)
    assert listener.heard[1:] == [("lost", [PLACE])]
    assert first.alive, "it has joined again"
    second.close()
    first.batch(10, 0)
    assert first.assignment() == [PLACE]


def test_who_only_sets_positions_has_no_session(bus: MemoryEventBus) -> None:
    bus.broker.session_ms = 10_000
    outside = bus.subscribe("g", ())
    Time.ms += 20_000
    outside.commit({PLACE: Position(3)})
    assert bus.admin.group_positions("g", [PLACE]) == {PLACE: Position(3)}


def test_a_member_that_has_left_does_not_come_back(bus: MemoryEventBus) -> None:
    for leave in (MemoryConsumer.close, MemoryConsumer.crash):
        consumer = joined(bus)
        leave(consumer)
        consumer.batch(10, 0)
        assert (consumer.alive, consumer.assignment()) == (False, [])


def test_positions_of_an_open_transaction_are_not_stable(bus: MemoryEventBus) -> None:
    bus.publish_batch([Outgoing("t", b"v", b"%d" % n) for n in range(3)])
    first, transaction = joined(bus), bus.transaction("x")
    transaction.begin(first, {PLACE: Position(2)})
    first.expel()
    second = bus.subscribe("g", ["t"])
    with pytest.raises(BusUnavailableError, match="not stable"):
        second.batch(10, 0)
    with pytest.raises(BusUnavailableError, match="not stable"):
        second.committed([PLACE])
    transaction.commit(first, {})
    assert second.committed([PLACE]) == {PLACE: Position(2)}
    assert [record.offset() for record in second.batch(10, 0)] == [2]


def test_a_transaction_times_out(bus: MemoryEventBus) -> None:
    consumer, transaction = joined(bus), bus.transaction("x")
    transaction.begin(consumer, {PLACE: Position(0)})
    Time.ms += 15_000
    assert consumer.committed([PLACE]) == {}
    with pytest.raises(TransactionTimedOutError):
        transaction.commit(consumer, {})


def test_compaction_keeps_tombstones_for_a_while(bus: MemoryEventBus) -> None:
    for key, value in ((b"a", b"1"), (b"b", b"1"), (b"a", b"2"), (b"b", None)):
        bus.publish(Outgoing("t", value, key))

    def left() -> list[tuple[int, bytes | None]]:
        return [(record.offset(), record.value()) for record in bus.read({PLACE: 0}).until_end()]

    bus.broker.clean()
    assert left() == [(2, b"2"), (3, None)]
    Time.ms += 1000
    bus.broker.clean()
    assert left() == [(2, b"2")]


def test_retention_moves_the_start(bus: MemoryEventBus) -> None:
    bus.admin.alter("t", {"cleanup.policy": "delete", "retention.ms": "1000"})
    bus.publish(Outgoing("t", b"old", b"k"))
    bus.publish(Outgoing("t", b"old", b"k"))
    Time.ms += 2000
    bus.publish(Outgoing("t", b"new", b"k"))
    bus.broker.clean()
    assert bus.admin.ends([PLACE]) == {PLACE: (2, 3)}
    assert [record.value() for record in bus.subscribe("g", ["t"]).batch(10, 0)] == [b"new"]
