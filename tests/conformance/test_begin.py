"""The position at which a member of a group begins to read, and positions that are no longer in the topic."""

from collections.abc import Callable, Mapping, Sequence

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from onex.bus.kafka import KafkaEventBusAdapter
from onex.bus.memory import MemoryEventBus
from onex.bus.protocols import Outgoing, Partition, Position, ProtocolConsumer, ProtocolEventBus
from onex.errors import BusUnavailableError
from tests.conformance.conftest import MakeTopic
from tests.conformance.test_bus import nothing_comes, take, take_all
from tests.conftest import eventually


class Beginning:
    """A listener that calls a function with the assigned partitions, and notes the committed positions."""

    def __init__(self) -> None:
        self.consumer: ProtocolConsumer
        self.act: Callable[[ProtocolConsumer, Sequence[Partition]], None] = lambda _, __: None
        self.committed: list[Mapping[Partition, Position]] = []

    def on_assigned(self, partitions: Sequence[Partition], committed: Mapping[Partition, Position]) -> None:
        self.committed.append(committed)
        self.act(self.consumer, partitions)

    def on_revoked(self, partitions: Sequence[Partition]) -> None: ...
    def on_lost(self, partitions: Sequence[Partition]) -> None: ...


def member(
    bus: ProtocolEventBus, group: str, name: str, act: Callable[[ProtocolConsumer, Sequence[Partition]], None]
) -> tuple[ProtocolConsumer, Beginning]:
    listener = Beginning()
    listener.act = act
    listener.consumer = bus.subscribe(group, [name], listener)
    return listener.consumer, listener


def delete_before(bus: ProtocolEventBus, partition: Partition, offset: int) -> None:
    """Delete the records before an offset, as retention does."""
    match bus:
        case MemoryEventBus():
            bus.broker.logs[partition].truncate(offset)
        case KafkaEventBusAdapter():
            position = TopicPartition(*partition, offset)
            admin = AdminClient({"bootstrap.servers": bus.config.bootstrap_servers})
            admin.delete_records([position])[position].result(20)


def fill(bus: ProtocolEventBus, name: str, count: int) -> Partition:
    bus.publish_batch([Outgoing(name, b"%d" % number, b"k") for number in range(count)])
    return Partition(name, 0)


def test_partitions_begin_where_they_are_committed(bus: ProtocolEventBus, topic: MakeTopic, group: str) -> None:
    name = topic()
    partition = fill(bus, name, 5)
    first, listener = member(bus, group, name, lambda _, __: None)
    assert [record.value() for record in take(first, 5)] == [b"0", b"1", b"2", b"3", b"4"]
    assert listener.committed == [{}]
    first.commit({partition: Position(3, "noted")})
    first.close()
    second, listener = member(bus, group, name, lambda _, __: None)
    assert [record.value() for record in take(second, 2)] == [b"3", b"4"]
    assert listener.committed == [{partition: Position(3, "noted")}]
    second.close()


def test_a_listener_may_seek_an_assigned_partition(bus: ProtocolEventBus, topic: MakeTopic, group: str) -> None:
    name = topic()
    partition = fill(bus, name, 5)
    consumer, _ = member(bus, group, name, lambda consumer, _: consumer.seek(partition, 4))
    assert [record.value() for record in take(consumer, 1)] == [b"4"]
    assert nothing_comes(consumer)
    consumer.close()


def test_a_listener_may_pause_assigned_partitions(bus: ProtocolEventBus, topic: MakeTopic, group: str) -> None:
    name = topic()
    partition = fill(bus, name, 2)
    consumer, _ = member(bus, group, name, lambda consumer, partitions: consumer.pause(partitions))
    take_all(consumer, lambda: bool(consumer.assignment()))
    assert nothing_comes(consumer)
    consumer.resume([partition])
    assert len(take(consumer, 2)) == 2
    consumer.close()


def test_a_pause_in_the_listener_may_be_undone_there(bus: ProtocolEventBus, topic: MakeTopic, group: str) -> None:
    name = topic()
    fill(bus, name, 2)

    def act(consumer: ProtocolConsumer, partitions: Sequence[Partition]) -> None:
        consumer.pause(partitions)
        consumer.resume(partitions)

    consumer, _ = member(bus, group, name, act)
    assert len(take(consumer, 2)) == 2
    consumer.close()


def test_a_listener_may_act_on_the_partitions_that_it_had_before(
    bus: ProtocolEventBus, topic: MakeTopic, group: str
) -> None:
    """It gets more when another member leaves, or when the metadata of a second topic comes later."""
    name = topic(6)
    consumer, listener = member(bus, group, name, lambda _, __: None)
    other = bus.subscribe(group, [name])

    def shared() -> bool:
        consumer.batch(10, 0.05)
        other.batch(10, 0.05)
        return len(consumer.assignment()) == len(other.assignment()) == 3

    eventually(shared, what="three partitions each")
    sought, resumed, paused = consumer.assignment()
    bus.publish_batch([Outgoing(name, b"", b"k", [], number) for number in (*range(6), *range(6))])
    assert len(take(consumer, 6)) == 6
    consumer.pause([resumed])
    new: list[Partition] = []

    def act(consumer: ProtocolConsumer, partitions: Sequence[Partition]) -> None:
        new.extend(partitions)
        consumer.seek(sought, 1)
        consumer.resume([resumed])
        consumer.pause([paused, *partitions[1:]])
        consumer.seek(partitions[0], 1)
        bus.publish_batch([Outgoing(name, b"", b"k", [], number) for number in (resumed.partition, paused.partition)])

    listener.act = act
    other.close()
    taken = [(record.partition(), record.offset()) for record in take(consumer, 3)]
    assert sorted(taken) == sorted([(sought.partition, 1), (resumed.partition, 2), (new[0].partition, 1)])
    assert nothing_comes(consumer)
    consumer.close()


@pytest.mark.parametrize("position", [1, 99], ids=["below", "above"])
def test_a_position_out_of_range_is_an_error(
    bus: ProtocolEventBus, topic: MakeTopic, group: str, position: int
) -> None:
    name = topic()
    partition = fill(bus, name, 5)
    delete_before(bus, partition, 3)
    consumer, _ = member(bus, group, name, lambda consumer, _: consumer.seek(partition, position))
    with pytest.raises(BusUnavailableError, match=name):
        eventually(lambda: consumer.batch(10, 0.1))
    consumer.close()


def test_a_paused_partition_may_be_out_of_range(bus: ProtocolEventBus, topic: MakeTopic, group: str) -> None:
    """It may be blocked for days, until retention has deleted its next record."""
    name, other = topic(), topic()
    partition = fill(bus, name, 5)
    listener = Beginning()

    def act(consumer: ProtocolConsumer, _: Sequence[Partition]) -> None:
        consumer.seek(partition, 0)
        consumer.pause([partition])

    listener.act = act
    listener.consumer = consumer = bus.subscribe(group, [name, other], listener)
    take_all(consumer, lambda: len(consumer.assignment()) == 2)
    delete_before(bus, partition, 3)
    fill(bus, other, 1)
    assert len(take(consumer, 1)) == 1

    def resumes() -> bool:
        consumer.resume([partition])
        return bool(consumer.batch(10, 0.1))

    with pytest.raises(BusUnavailableError, match=name):
        eventually(resumes)
    consumer.close()
