"""The behaviour of every bus: partitions, groups, offsets, transactions, read-committed, errors."""

import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import pytest

from onex.bus.protocols import (
    Outgoing,
    Partition,
    Position,
    ProtocolConsumer,
    ProtocolEventBus,
    ProtocolRecord,
    ProtocolTransaction,
    TopicState,
)
from onex.errors import (
    BusUnavailableError,
    FencedError,
    MessageTooLargeError,
    MissingTopicError,
    TransactionAbortedError,
)
from onex.wire.partitioner import partition_of
from tests.conformance.conftest import MakeMember, MakeTopic
from tests.conftest import eventually


def take(consumer: ProtocolConsumer, wanted: int, within: float = 20.0) -> list[ProtocolRecord]:
    records: list[ProtocolRecord] = []

    def enough() -> bool:
        records.extend(consumer.batch(100, 0.1))
        return len(records) >= wanted

    eventually(enough, within, f"{wanted} records")
    return records


def nothing_comes(consumer: ProtocolConsumer) -> bool:
    return not any(list(consumer.batch(100, 0.1)) for _ in range(5))


class Listener:
    """Notes the assigned and the revoked partitions."""

    def __init__(self) -> None:
        self.assigned: set[Partition] = set()
        self.revoked: list[Partition] = []

    def on_assigned(self, partitions: Sequence[Partition], committed: Mapping[Partition, Position]) -> None:
        self.assigned |= set(partitions)

    def on_revoked(self, partitions: Sequence[Partition]) -> None:
        self.assigned -= set(partitions)
        self.revoked += partitions

    def on_lost(self, partitions: Sequence[Partition]) -> None:
        self.assigned -= set(partitions)


def test_a_record_arrives_as_it_was_sent(bus: ProtocolEventBus, topic: MakeTopic, group: str) -> None:
    name = topic()
    headers = [("a", b"1"), ("a", b"2"), ("raw", b"\xff\x00")]
    bus.publish(Outgoing(name, b"value", b"key", headers))
    bus.publish(Outgoing(name, None, b"key"))
    consumer = bus.subscribe(group, [name])
    first, second = take(consumer, 2)
    assert (first.topic(), first.partition(), first.key(), first.value()) == (name, 0, b"key", b"value")
    assert first.headers() == headers
    assert first.timestamp()[1] > 1_600_000_000_000
    assert (second.value(), second.headers()) == (None, None)
    assert second.offset() == first.offset() + 1
    consumer.close()


def test_the_key_decides_the_partition_by_murmur2(bus: ProtocolEventBus, topic: MakeTopic, group: str) -> None:
    name = topic(5)
    keys = [f"key-{number}".encode() for number in range(50)]
    bus.publish_batch([Outgoing(name, b"v", key) for key in keys])
    consumer = bus.subscribe(group, [name])
    for record in take(consumer, 50):
        assert record.partition() == partition_of(record.key() or b"", 5)
    consumer.close()


def test_a_partition_keeps_its_order(bus: ProtocolEventBus, topic: MakeTopic, group: str) -> None:
    name = topic()
    bus.publish_batch([Outgoing(name, str(number).encode(), b"k") for number in range(500)])
    consumer = bus.subscribe(group, [name])
    assert [int(record.value() or b"") for record in take(consumer, 500)] == list(range(500))
    consumer.close()


def test_groups_are_independent_and_members_share(bus: ProtocolEventBus, topic: MakeTopic, group: str) -> None:
    name = topic(4)
    bus.publish_batch([Outgoing(name, b"v", None, [], number % 4) for number in range(40)])
    other = bus.subscribe(f"{group}.other", [name])
    assert len(take(other, 40)) == 40
    first, second = bus.subscribe(group, [name]), bus.subscribe(group, [name])

    def shared() -> bool:
        first.batch(100, 0.1)
        second.batch(100, 0.1)
        return len(first.assignment()) == len(second.assignment()) == 2

    eventually(shared, what="two partitions each")
    assert not set(first.assignment()) & set(second.assignment())
    first.close()

    def taken_over() -> bool:
        second.batch(100, 0.1)
        return len(second.assignment()) == 4

    eventually(taken_over, what="the other two")
    second.close()
    other.close()


def test_equal_partition_numbers_of_all_topics_go_together(
    bus: ProtocolEventBus, topic: MakeTopic, group: str
) -> None:
    names = [topic(4), topic(4), topic(4)]
    members = [bus.subscribe(group, names) for _ in range(3)]

    def spread() -> bool:
        for member in members:
            member.batch(10, 0.05)
        return sum(len(member.assignment()) for member in members) == 12 and all(m.assignment() for m in members)

    eventually(spread, what="all partitions assigned")
    for member in members:
        numbers = {p.partition for p in member.assignment()}
        assert {(p.topic, p.partition) for p in member.assignment()} == {(t, n) for t in names for n in numbers}
    for member in members:
        member.close()


def test_a_listener_is_called_for_every_change(bus: ProtocolEventBus, topic: MakeTopic, group: str) -> None:
    name = topic(4)
    listener = Listener()
    first = bus.subscribe(group, [name], listener)
    take_all(first, lambda: len(listener.assigned) == 4)
    second = bus.subscribe(group, [name])

    def moved() -> bool:
        first.batch(10, 0.05)
        second.batch(10, 0.05)
        return len(second.assignment()) == 2

    eventually(moved, what="two partitions to move")
    assert len(listener.revoked) == 2
    assert set(first.assignment()) == listener.assigned
    first.close()
    assert len(listener.revoked) == 4
    second.close()


def take_all(consumer: ProtocolConsumer, until: Callable[[], bool]) -> None:
    def look() -> bool:
        consumer.batch(100, 0.05)
        return until()

    eventually(look)


def test_a_transaction_is_visible_after_its_commit_and_never_after_an_abort(
    bus: ProtocolEventBus, topic: MakeTopic, group: str
) -> None:
    source, target = topic(), topic()
    bus.publish(Outgoing(source, b"in", b"k"))
    reader, consumer = bus.subscribe(f"{group}.reader", [target]), bus.subscribe(group, [source])
    (record,) = take(consumer, 1)
    transaction = bus.transaction(f"tx.{group}")
    transaction.begin()
    transaction.produce(target, b"aborted", b"k", [])
    transaction.abort()
    transaction.begin()
    offsets: list[int] = []
    transaction.produce(target, b"committed", b"k", [], on_delivery=lambda _, offset: offsets.append(offset))
    assert nothing_comes(reader)
    position = Position(record.offset() + 1, "noted")
    transaction.commit(consumer, {Partition(source, 0): position})
    assert [output.value() for output in take(reader, 1)] == [b"committed"]
    assert len(offsets) == 1
    assert consumer.committed([Partition(source, 0)]) == {Partition(source, 0): position}
    partitions = [Partition(source, 0), Partition(target, 0)]
    assert bus.admin.group_positions(group, partitions) == {Partition(source, 0): position}
    assert bus.admin.group_positions(group, []) == bus.admin.group_positions(f"{group}-unknown", partitions) == {}
    for closing in (consumer, reader, transaction):
        closing.close()


def test_only_a_group_without_members_takes_positions_from_outside(
    bus: ProtocolEventBus, topic: MakeTopic, group: str
) -> None:
    name = topic()
    partition = Partition(name, 0)
    member, outside = bus.subscribe(group, [name]), bus.subscribe(group, ())
    take_all(member, lambda: bool(member.assignment()))
    with pytest.raises(BusUnavailableError, match="UNKNOWN_MEMBER_ID"):
        outside.commit({partition: Position(3)})
    assert bus.admin.group_positions(group, [partition]) == {}
    assert bus.admin.groups()[group] is True
    member.close()
    outside.commit({partition: Position(3)})
    assert bus.admin.groups()[group] is False
    assert f"{group}-unknown" not in bus.admin.groups()
    assert bus.admin.group_positions(group, [partition]) == {partition: Position(3)}
    outside.close()


def test_readers_wait_behind_an_open_transaction(bus: ProtocolEventBus, topic: MakeTopic, group: str) -> None:
    name = topic()
    consumer = bus.subscribe(group, [name])
    take_all(consumer, lambda: bool(consumer.assignment()))
    transaction = bus.transaction(f"tx.{group}")
    transaction.begin()
    transaction.produce(name, b"first", b"k", [])
    assert nothing_comes(consumer)
    bus.publish(Outgoing(name, b"second", b"k"))
    assert nothing_comes(consumer)
    transaction.commit(None, {})
    assert sorted(record.value() or b"" for record in take(consumer, 2)) == [b"first", b"second"]
    consumer.close()
    transaction.close()


def test_a_member_goes_on_where_the_last_one_committed(bus: ProtocolEventBus, topic: MakeTopic, group: str) -> None:
    name = topic()
    bus.publish_batch([Outgoing(name, str(number).encode(), b"k") for number in range(10)])
    first = bus.subscribe(group, [name])
    records = take(first, 10)
    transaction = bus.transaction(f"tx.{group}")
    transaction.begin()
    transaction.commit(first, {Partition(name, 0): Position(records[4].offset() + 1)})
    first.close()
    second = bus.subscribe(group, [name])
    assert [record.value() for record in take(second, 5)] == [b"5", b"6", b"7", b"8", b"9"]
    second.close()
    transaction.close()


def test_at_least_once_has_the_same_shape(bus: ProtocolEventBus, topic: MakeTopic, group: str) -> None:
    source, target = topic(), topic()
    bus.publish(Outgoing(source, b"in", b"k"))
    consumer = bus.subscribe(group, [source])
    (record,) = take(consumer, 1)
    acknowledged = bus.transaction(None)
    acknowledged.begin()
    acknowledged.produce(target, b"out", b"k", [])
    acknowledged.commit(consumer, {Partition(source, 0): Position(record.offset() + 1)})
    assert consumer.committed([Partition(source, 0)])[Partition(source, 0)].offset == record.offset() + 1
    reader = bus.subscribe(f"{group}.reader", [target])
    assert [output.value() for output in take(reader, 1)] == [b"out"]
    for closing in (consumer, reader, acknowledged):
        closing.close()


@pytest.mark.parametrize("done_before", [0, 1])
def test_the_second_owner_of_a_transactional_id_fences_the_first(
    bus: ProtocolEventBus, topic: MakeTopic, group: str, done_before: int
) -> None:
    """After any number of transactions of the first one, which may use another producer for each."""
    name, other = topic(), topic()
    consumer = bus.subscribe(group, [name])
    take_all(consumer, lambda: bool(consumer.assignment()))
    first = bus.transaction(f"tx.{group}")
    for _ in range(done_before):
        first.begin()
        first.produce(other, b"before", b"k", [])
        first.commit(None, {})
    first.begin()
    first.produce(name, b"from the fenced one", b"k", [])
    second = bus.transaction(f"tx.{group}")
    with pytest.raises(FencedError):
        first.commit(consumer, {Partition(name, 0): Position(1)})
    second.begin()
    second.produce(name, b"from the owner", b"k", [])
    second.commit(consumer, {})
    assert [record.value() for record in take(consumer, 1)] == [b"from the owner"]
    assert nothing_comes(consumer)
    for closing in (consumer, first, second):
        closing.close()


def test_a_missing_topic_is_named_with_the_remedy(bus: ProtocolEventBus, group: str) -> None:
    missing = "onex.evt.test.missing.v1"
    with pytest.raises(MissingTopicError, match="onex apply"):
        bus.publish(Outgoing(missing, b"v", b"k"))
    with pytest.raises(MissingTopicError, match=missing):
        bus.read({Partition(missing, 0): 0})
    with pytest.raises(MissingTopicError, match=missing):
        bus.subscribe(group, [missing])


def test_a_transaction_with_a_missing_topic_aborts(bus: ProtocolEventBus, topic: MakeTopic, group: str) -> None:
    name = topic()
    consumer = bus.subscribe(group, [name])
    take_all(consumer, lambda: bool(consumer.assignment()))
    transaction = bus.transaction(f"tx.{group}")
    transaction.begin()
    failures: list[Exception | None] = []
    transaction.produce(
        "onex.evt.test.gone.v1", b"v", b"k", [], on_delivery=lambda failed, _: failures.append(failed)
    )
    with pytest.raises(TransactionAbortedError):
        transaction.commit(consumer, {Partition(name, 0): Position(0)})
    transaction.abort()
    assert isinstance(failures[0], MissingTopicError)
    transaction.begin()
    transaction.produce(name, b"goes on", b"k", [])
    transaction.commit(None, {})
    assert [record.value() for record in take(consumer, 1)] == [b"goes on"]
    consumer.close()
    transaction.close()


@pytest.mark.parametrize("named", [True, False], ids=["exactly once", "at least once"])
def test_a_record_that_its_topic_does_not_take_comes_out_at_the_commit(
    bus: ProtocolEventBus, topic: MakeTopic, group: str, *, named: bool
) -> None:
    """The broker checks the limit of a topic; a client refuses only records above its own limit.

    librdkafka aborts the second transaction after it once ("skipped sequence numbers"). The next attempt succeeds.
    """
    name = topic(max_message_bytes="2000")
    transaction = bus.transaction(f"tx.{group}" if named else None)
    failures: list[Exception | None] = []
    transaction.begin()
    large = random.Random(1).randbytes(10_000)
    transaction.produce(name, large, b"k", [], on_delivery=lambda failed, _: failures.append(failed))
    with pytest.raises(MessageTooLargeError, match="MSG_SIZE_TOO_LARGE|the limit is 2000"):
        transaction.commit(None, {})
    assert [type(failure) for failure in failures] == [MessageTooLargeError]
    transaction.abort()
    for small in (b"1", b"2", b"3"):
        assert _is_committed(transaction, name, small) or _is_committed(transaction, name, small)
    reader = bus.read({Partition(name, 0): 0})
    assert [record.value() for record in reader.until_end()] == [b"1", b"2", b"3"]
    reader.close()
    transaction.close()


def _is_committed(transaction: ProtocolTransaction, topic: str, value: bytes) -> bool:
    transaction.begin()
    transaction.produce(topic, value, b"k", [])
    try:
        transaction.commit(None, {})
    except TransactionAbortedError:
        transaction.abort()
        return False
    return True


def test_an_expelled_member_commits_nothing(
    bus: ProtocolEventBus, impatient: MakeMember, topic: MakeTopic, group: str
) -> None:
    """It does not poll, and another member continues. Its next poll reports that its partitions are gone."""
    name, target = topic(), topic()
    partition = Partition(name, 0)
    listener = Listener()
    first, expel = impatient(group, name, listener)
    take_all(first, lambda: bool(first.assignment()))
    transaction = bus.transaction(f"tx.{group}")
    transaction.begin()
    transaction.produce(target, b"of an expelled member", b"k", [])
    expel()
    second = bus.subscribe(group, [name])
    take_all(second, lambda: bool(second.assignment()))
    with pytest.raises(TransactionAbortedError):
        transaction.commit(first, {partition: Position(1)})
    transaction.abort()
    transaction.begin(first, {partition: Position(1)})
    with pytest.raises(TransactionAbortedError):
        transaction.commit(first, {})
    transaction.abort()
    with pytest.raises(BusUnavailableError):
        first.commit({partition: Position(1)})
    assert bus.admin.group_positions(group, [partition]) == {}
    reader = bus.read({Partition(target, 0): 0})
    assert list(reader.until_end()) == []
    reader.close()
    second.commit({partition: Position(2)})
    assert bus.admin.group_positions(group, [partition]) == {partition: Position(2)}
    take_all(first, lambda: not listener.assigned)  # lost, or revoked: Kafka's client may take either for it
    for closing in (first, second, transaction):
        closing.close()


@pytest.mark.parametrize("named", [True, False], ids=["exactly once", "at least once"])
def test_many_records_are_handed_over_in_one_call(
    bus: ProtocolEventBus, topic: MakeTopic, group: str, *, named: bool
) -> None:
    outputs, changelog, source = topic(3), topic(2, cleanup_policy="compact"), topic()
    consumer = bus.subscribe(group, [source])
    take_all(consumer, lambda: bool(consumer.assignment()))
    transaction = bus.transaction(f"tx.{group}" if named else None)
    transaction.begin(consumer, {Partition(source, 0): Position(7)})
    transaction.produce_all([(outputs, b"%d" % n, b"key-%d" % n, [("n", b"%d" % n)]) for n in range(100)])
    deliveries: list[tuple[Exception | None, int]] = []
    changes = [(b"key-%d" % n, None if n % 2 else b"%d" % n) for n in range(100)]
    for key, value in changes:
        transaction.produce(changelog, value, key, [], 1, lambda failed, offset: deliveries.append((failed, offset)))
    transaction.commit(consumer, {})
    assert deliveries == [(None, offset) for offset in range(100)]
    assert consumer.committed([Partition(source, 0)]) == {Partition(source, 0): Position(7)}
    reader = bus.read({Partition(outputs, number): 0 for number in range(3)})
    written = {(record.key(), record.value(), tuple(record.headers() or [])) for record in reader.until_end()}
    assert written == {(b"key-%d" % n, b"%d" % n, (("n", b"%d" % n),)) for n in range(100)}
    reader.close()
    reader = bus.read({Partition(changelog, 1): 0})
    assert [(record.key(), record.value()) for record in reader.until_end()] == changes
    reader.close()
    transaction.begin()
    transaction.produce_all([(outputs, b"aborted", b"k", [])])
    transaction.abort()
    consumer.close()
    transaction.close()


def test_the_stable_end_is_before_an_open_transaction(bus: ProtocolEventBus, topic: MakeTopic, group: str) -> None:
    name = topic(partitions=2)
    first, second = Partition(name, 0), Partition(name, 1)
    transaction = bus.transaction(f"tx.{group}")
    transaction.begin()
    transaction.produce(name, b"open", b"key", [], partition=0)
    transaction.produce(name, b"open", b"key", [], partition=0)
    eventually(transaction.acknowledged)
    bus.publish(Outgoing(name, b"plain", b"key", [], 1))
    stable = bus.admin.stable_ends([first, second])
    assert stable == {first: 0, second: 1}
    reader = bus.read({first: 0, second: 0}, stable)
    assert [record.value() for record in reader.until_end()] == [b"plain"], "it does not wait for the transaction"
    reader.close()
    transaction.commit(None, {})
    eventually(lambda: bus.admin.stable_ends([first])[first] >= 2)
    transaction.close()


def test_the_position_after_the_last_record_is_the_stable_end_of_the_broker(
    bus: ProtocolEventBus, topic: MakeTopic, group: str
) -> None:
    """The watchdog compares the two: markers of transactions, committed or aborted, must not look like lag."""
    name = topic(partitions=1)
    partition = Partition(name, 0)
    consumer = bus.subscribe(group, [name])
    transaction = bus.transaction(f"tx.{group}")

    def both_agree() -> bool:
        consumer.batch(10, 0.1)
        return consumer.positions() == bus.admin.stable_ends([partition])

    for ended in (transaction.abort, partial(transaction.commit, None, {}), transaction.abort):
        transaction.begin()
        transaction.produce_all([(name, b"one", b"k", []), (name, b"two", b"k", [])])
        eventually(transaction.acknowledged)
        ended()
        eventually(both_agree, what="everything to be read")
    bus.publish(Outgoing(name, b"three", b"k"))
    eventually(both_agree, what="everything to be read")
    consumer.close()
    transaction.close()


def test_transactions_without_a_pause_keep_their_order(bus: ProtocolEventBus, topic: MakeTopic, group: str) -> None:
    """After an abort, too. Each may begin before the markers of the previous transaction are written."""
    name = topic(partitions=1)
    consumer = bus.subscribe(group, [name])
    take_all(consumer, lambda: bool(consumer.assignment()))
    transaction = bus.transaction(f"tx.{group}")
    for number in range(30):
        transaction.begin()
        transaction.produce(name, b"%d" % number, b"key", [])
        if number % 7 == 3:
            transaction.abort()
            continue
        eventually(transaction.acknowledged)
        transaction.commit(consumer, {Partition(name, 0): Position(number)})
    committed = [b"%d" % number for number in range(30) if number % 7 != 3]
    assert [record.value() for record in take(consumer, len(committed))] == committed
    assert consumer.committed([Partition(name, 0)]) == {Partition(name, 0): Position(29)}
    consumer.close()
    transaction.close()


def test_positions_of_the_start_are_dropped_by_an_abort(bus: ProtocolEventBus, topic: MakeTopic, group: str) -> None:
    name = topic()
    consumer = bus.subscribe(group, [name])
    take_all(consumer, lambda: bool(consumer.assignment()))
    transaction = bus.transaction(f"tx.{group}")
    transaction.begin(consumer, {Partition(name, 0): Position(3)})
    transaction.abort()
    assert consumer.committed([Partition(name, 0)]) == {}
    transaction.begin(consumer, {Partition(name, 0): Position(5)})
    transaction.commit(consumer, {})
    assert consumer.committed([Partition(name, 0)]) == {Partition(name, 0): Position(5)}
    consumer.close()
    transaction.close()


def test_a_message_over_the_limit_is_refused(bus: ProtocolEventBus, topic: MakeTopic) -> None:
    name = topic(max_message_bytes="2000")
    with pytest.raises(MessageTooLargeError):
        bus.publish(Outgoing(name, random.Random(1).randbytes(10_000), b"k"))
    bus.publish(Outgoing(name, b"small", b"k"))


def test_pause_resume_and_seek(bus: ProtocolEventBus, topic: MakeTopic, group: str) -> None:
    name = topic()
    consumer = bus.subscribe(group, [name])
    take_all(consumer, lambda: bool(consumer.assignment()))
    consumer.pause([Partition(name, 0)])
    bus.publish_batch([Outgoing(name, str(number).encode(), b"k") for number in range(3)])
    assert nothing_comes(consumer)
    consumer.resume([Partition(name, 0)])
    assert len(take(consumer, 3)) == 3
    consumer.seek(Partition(name, 0), 1)
    assert [record.value() for record in take(consumer, 2)] == [b"1", b"2"]
    eventually(lambda: consumer.batch(1, 0.1) or consumer.lag() == {Partition(name, 0): 0}, what="lag of zero")
    consumer.pause([Partition("onex.evt.test.not-assigned.v1", 0)])
    consumer.close()
    consumer.close()


def test_a_reader_reads_to_the_end_and_no_further(bus: ProtocolEventBus, topic: MakeTopic) -> None:
    name = topic(3)
    bus.publish_batch([Outgoing(name, b"v", None, [], number % 3) for number in range(30)])
    reader = bus.read({Partition(name, number): 2 for number in range(3)})
    assert len(list(reader.until_end())) == 24
    reader.close()
    part = bus.read({Partition(name, number): 0 for number in range(3)})
    part.drop(Partition(name, 1))
    assert part.ended(Partition(name, 1))
    assert not part.ended(Partition(name, 0))
    assert not part.reached_end()
    assert {record.partition() for record in part.until_end()} == {0, 2}
    assert part.reached_end()
    part.close()
    empty = bus.read({Partition(topic(), 0): 0})
    assert list(empty.until_end()) == []
    assert empty.reached_end()
    empty.close()


def test_no_record_published_to_a_new_topic_is_lost(bus: ProtocolEventBus, topic: MakeTopic) -> None:
    """With several requests in flight, about one round in a hundred lost records: see docs/decisions/0013."""
    for _ in range(60):
        name = topic(3)
        bus.publish_batch([Outgoing(name, b"v", None, [], number % 3) for number in range(30)])
        ends = bus.admin.ends([Partition(name, number) for number in range(3)])
        assert [last for _, last in ends.values()] == [10, 10, 10]


def test_topics_can_be_read_and_changed(bus: ProtocolEventBus, topic: MakeTopic) -> None:
    name = topic(2, retention_ms="1000")
    state = bus.admin.topics([name, "onex.evt.test.absent.v1"])
    assert list(state) == [name]
    assert (state[name].partitions, state[name].config.get("retention.ms")) == (2, "1000")
    bus.admin.alter(name, {"retention.ms": "2000"})
    bus.admin.grow(name, 3)
    eventually(lambda: bus.admin.topics([name])[name].partitions == 3)
    assert bus.admin.topics([name])[name].config["retention.ms"] == "2000"
    identity = state[name].identity
    bus.admin.delete(name)
    eventually(lambda: not bus.admin.topics([name]))
    bus.admin.create([TopicState(name, 1, 1, {})])
    assert bus.admin.topics([name])[name].identity != identity


def test_a_topic_that_is_made_again_is_empty_and_has_another_identity(
    bus: ProtocolEventBus, topic: MakeTopic
) -> None:
    name = topic(3, cleanup_policy="compact", retention_ms="1000")
    before = bus.admin.topics([name])[name]
    bus.publish_batch([Outgoing(name, b"v", b"key", [], number) for number in range(3)])
    identity = bus.admin.remake(name)
    after = bus.admin.topics([name])[name]
    assert after.identity == identity != before.identity
    assert (after.partitions, after.replication_factor, after.config) == (3, 1, before.config)
    assert set(bus.admin.ends([Partition(name, number) for number in range(3)]).values()) == {(0, 0)}
    bus.publish(Outgoing(name, b"new", b"key", [], 1))
    reader = bus.read({Partition(name, number): 0 for number in range(3)})
    assert [record.value() for record in reader.until_end()] == [b"new"]
    reader.close()
    with pytest.raises(MissingTopicError, match="onex apply"):
        bus.admin.remake("onex.evt.test.absent.v1")


def test_health(bus: ProtocolEventBus) -> None:
    assert bus.health().ok
