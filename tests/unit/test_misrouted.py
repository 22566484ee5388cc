"""A producer with another partitioner: its records are forwarded to the partition of their key, once and in order."""

from collections.abc import Iterator
from zlib import crc32

import pytest
from node_alarm_orchestrator.v1_0_0.models import Rang, SetAlarm
from node_alarm_orchestrator.v1_0_0.node import NodeAlarmOrchestrator
from node_balance_reducer.v1_0_0.models import CustomerBalance
from node_order_orchestrator.v1_0_0.models import OrderCompleted, PlaceOrder
from node_tally_reducer.v1_0_0.models import Amount, Tallied
from node_tally_reducer.v1_0_0.node import NodeTallyReducer

from onex.agent.telemetry.metrics import AgentMetrics
from onex.bus.kafka.partitioner import partitions_of
from onex.bus.memory.log import MemoryRecord
from onex.bus.protocols import Outgoing, Partition, ProtocolRecord
from onex.dlq import Author, DeadLetterManager
from onex.model.message import Message
from onex.schema import Codec
from onex.schema.topic_catalogue import TopicCatalogue
from onex.testing import MeshDriver
from onex.wire import headers as h
from onex.wire.partitioner import partition_of
from tests.conftest import NODES, ORDERS
from tests.unit.unreadable_record import UnreadableRecord, asked_once

AMOUNTS, RETRY = "onex.evt.tally.amount.v1", "onex.retry.tally.reducer.v1"
STATE = "onex.state.node_tally_reducer.v1"
KEYS = [*(f"o-{n}" for n in range(20)), "größe", "鍵", "a b/c"]


@pytest.fixture
def mesh() -> Iterator[MeshDriver]:
    driver = MeshDriver([NODES / "node_tally_reducer" / "v1_0_0", NODES / "node_alarm_orchestrator" / "v1_0_0"])
    yield driver
    driver.close()


def misroute(mesh: MeshDriver, message: Message, key: bytes, *, run: bool = False, by: int | None = None) -> int:
    """Write as librdkafka does by default. Return the partition."""
    topic = mesh.topic_of(type(message))
    value = Codec.of_topic(type(message), topic, mesh.catalogue).encode(message)
    number = crc32(key) % mesh.broker.topic(topic).partitions if by is None else by
    mesh.bus.publish(Outgoing(topic, value, key, [(h.SOURCE, b"/somebody")], number))
    if run:
        mesh.run_until_idle()
    return number


def wrong(key: bytes) -> int:
    return (partition_of(key, 4) + 1) % 4


def misrouted(metrics: AgentMetrics) -> float:
    samples = [sample for metric in metrics.misrouted.collect() for sample in metric.samples]
    return sum(sample.value for sample in samples if sample.name.endswith("_total"))


def places(records: list[ProtocolRecord]) -> dict[bytes, set[int]]:
    found: dict[bytes, set[int]] = {}
    for record in records:
        found.setdefault((record.key() or b"")[1:], set()).add(record.partition())
    return found


def test_the_native_partitioner_is_murmur2() -> None:
    keys = [bytes(range(n)) for n in range(1, 60)] + [key.encode() for key in KEYS]
    for count in (1, 4, 7, 96):
        assert partitions_of(keys, count) == [partition_of(key, count) for key in keys]


def test_a_reducer_has_one_state_a_key_whoever_writes(mesh: MeshDriver) -> None:
    for value in (1, 2, 3):
        for key in KEYS:
            misroute(mesh, Amount(entity=key, value=value), key.encode())
        mesh.run_until_idle()
    for key in KEYS:
        mesh.send(Amount(entity=key, value=4), run=False)  # and somebody who does it right
    mesh.run_until_idle()
    totals: dict[str, list[int]] = {}
    for tallied in mesh.published(Tallied):
        totals.setdefault(tallied.entity, []).append(tallied.total)
    assert totals == {key: [1, 3, 6, 10] for key in KEYS}
    assert places(mesh.records(STATE)) == {key.encode(): {partition_of(key.encode(), 4)} for key in KEYS}
    (instance,) = mesh.instances_of(NodeTallyReducer)
    off = [key for key in KEYS if crc32(key.encode()) % 4 != partition_of(key.encode(), 4)]
    assert len(off) > 10
    assert misrouted(instance.metrics) == 3 * len(off)
    assert instance.health.ready
    assert not mesh.dead_letters()


def test_a_forwarded_record_keeps_who_it_is(mesh: MeshDriver) -> None:
    number = misroute(mesh, Amount(entity="e", value=1), b"e", run=True, by=wrong(b"e"))
    (record,) = mesh.records(RETRY)
    (original,) = mesh.records(AMOUNTS)
    found = dict(record.headers() or [])
    assert (record.key(), record.value(), record.partition()) == (b"e", original.value(), partition_of(b"e", 4))
    assert found[h.ID] == f"onex-record:{AMOUNTS}-{number}-0".encode()
    assert (found[h.ORIGINAL_TOPIC], found[h.ORIGINAL_OFFSET]) == (AMOUNTS.encode(), b"0")
    assert found[h.ORIGINAL_TIME] == b"%d" % original.timestamp()[1]
    assert found[h.SOURCE] == b"/somebody"
    ((output, _),) = mesh.messages(Tallied)
    assert dict(output.headers() or [])[h.CAUSATION] == found[h.ID]


def test_what_shares_a_batch_with_misrouted_records_is_carried_once(mesh: MeshDriver) -> None:
    for count in range(3):
        for key in (b"a", b"b", b"c"):
            misroute(mesh, Amount(entity=key.decode(), value=1), key, by=wrong(key))
            mesh.send(Amount(entity=f"good-{key.decode()}", value=1), run=False)
        misroute(mesh, Amount(entity="bad", value=666), b"bad", by=wrong(b"bad"))
        mesh.publish(AMOUNTS, b"junk", b"junk", [], run=count == 2)
    totals = {tallied.entity: tallied.total for tallied in mesh.published(Tallied)}
    assert totals == {name: 3 for key in "abc" for name in (key, f"good-{key}")}
    assert len(mesh.published(Tallied)) == 18
    letters = [dict(letter.headers() or []) for letter in mesh.dead_letters(NodeTallyReducer)]
    assert sorted(letter["onex-dlq-class"] for letter in letters) == [b"bug"] * 3 + [b"poison"] * 3
    assert {letter["onex-dlq-topic"] for letter in letters} == {AMOUNTS.encode()}
    bugs = [letter for letter in letters if letter["onex-dlq-class"] == b"bug"]
    assert {letter["onex-dlq-partition"] for letter in bugs} == {b"%d" % wrong(b"bad")}, "where its sender put it"


def test_an_abort_forwards_nothing_twice(mesh: MeshDriver) -> None:
    (instance,) = mesh.instances_of(NodeTallyReducer)
    misroute(mesh, Amount(entity="e", value=1), b"e", by=wrong(b"e"))
    instance.fail_next_commit()
    mesh.advance("1s")
    misroute(mesh, Amount(entity="e", value=1), b"e", by=wrong(b"e"))
    mesh.advance("1s")
    assert [tallied.total for tallied in mesh.published(Tallied)] == [1, 2]
    assert len(mesh.records(RETRY)) == 2


def test_a_key_whose_state_is_on_the_wrong_partition_already_stays_there(mesh: MeshDriver) -> None:
    """It was written before the node looked: moving its later records would lose the total."""
    codec = Codec.of_topic(Amount, AMOUNTS, mesh.catalogue)
    number = wrong(b"old")
    mesh.bus.publish(  # as a replay does: what is on the retry topic is never forwarded
        Outgoing(
            RETRY, codec.encode(Amount(entity="old", value=5)), b"old", [(h.ORIGINAL_TOPIC, AMOUNTS.encode())], number
        )
    )
    mesh.run_until_idle()
    assert len(mesh.records(RETRY)) == 1
    misroute(mesh, Amount(entity="old", value=1), b"old", run=True, by=number)
    assert [tallied.total for tallied in mesh.published(Tallied)] == [5, 6]
    assert len(mesh.records(RETRY)) == 1


def test_a_key_that_was_forgotten_is_looked_at_again_after_a_crash(mesh: MeshDriver) -> None:
    for value in (5, 0):
        mesh.send(Amount(entity="e", value=value))
    (old,) = mesh.instances_of(NodeTallyReducer)
    mesh.crash(old)
    mesh.add_instance(NodeTallyReducer)
    misroute(mesh, Amount(entity="e", value=2), b"e", by=wrong(b"e"), run=True)
    assert [tallied.total for tallied in mesh.published(Tallied)] == [5, 2]
    assert len(mesh.records(RETRY)) == 1


def test_keys_of_any_bytes(mesh: MeshDriver) -> None:
    keys = [b"\xff\xfe", b"\x00", b"k" * 1000]
    for key in keys:
        misroute(mesh, Amount(entity="", value=1), key, by=wrong(key))
    mesh.run_until_idle()
    assert places(mesh.records(STATE)) == {key: {partition_of(key, 4)} for key in keys}


@pytest.mark.parametrize("key", [b"f", b"E", b"e ", b"\xff"])
def test_a_record_with_another_key_than_its_message_is_refused_where_it_is(mesh: MeshDriver, key: bytes) -> None:
    for number in range(4):
        mesh.bus.publish(Outgoing(AMOUNTS, b'{"entity": "e", "value": 1}', key, [], number))
    mesh.bus.publish(Outgoing(AMOUNTS, b'{"entity": "e", "value": 7}', b"e", [], wrong(b"e")))
    mesh.run_until_idle()
    letters = [dict(letter.headers() or []) for letter in mesh.dead_letters(NodeTallyReducer)]
    assert {letter["onex-dlq-message"] for letter in letters} == {
        b"the record has another key than Amount.entity; key the record by that field"
    }
    assert len(letters) == 4
    assert mesh.published(Tallied) == [Tallied(entity="e", total=7, count=1)], "the right key is forwarded as before"


def test_records_without_a_key_are_refused_where_they_are(mesh: MeshDriver) -> None:
    mesh.bus.publish(Outgoing(AMOUNTS, b'{"entity": "e", "value": 1}', None, [], 2))
    mesh.run_until_idle()
    assert len(mesh.dead_letters(NodeTallyReducer)) == 1
    assert not mesh.records(RETRY)


def test_timers_are_set_where_the_key_belongs(mesh: MeshDriver) -> None:
    for key in ("a", "b"):
        misroute(mesh, SetAlarm(entity=key, after=10), key.encode(), by=wrong(key.encode()))
    mesh.run_until_idle()
    misroute(mesh, SetAlarm(entity="a", after=0, times=0), b"a", by=wrong(b"a"), run=True)
    mesh.advance("11s")
    assert [rang.entity for rang in mesh.published(Rang)] == ["b"]
    stored = mesh.records("onex.state.node_alarm_orchestrator.v1")
    assert {record.partition() for record in stored if (record.key() or b"")[1:] == b"b"} == {partition_of(b"b", 4)}
    assert mesh.instances_of(NodeAlarmOrchestrator)[0].health.ready


def test_orders_of_a_producer_with_the_usual_partitioner_complete() -> None:
    mesh = MeshDriver(sorted(ORDERS.glob("*/v1_0_0")))
    for number in range(20):
        order = PlaceOrder(order_id=f"o-{number}", quantity=2, unit_price=5.0)
        misroute(mesh, order, order.order_id.encode())
    mesh.run_until_idle()
    assert sorted(done.order_id for done in mesh.published(OrderCompleted)) == sorted(f"o-{n}" for n in range(20))
    assert mesh.published(CustomerBalance)[-1].total == 200.0
    assert not mesh.dead_letters()
    mesh.close()


def test_too_large_to_be_forwarded_is_a_dead_letter(mesh: MeshDriver) -> None:
    """Its batch was compressed well; alone and with more headers it does not fit."""
    mesh.bus.admin.alter(RETRY, {"max.message.bytes": "500"})
    mesh.advance("31s")
    key = b"k" * 600
    misroute(mesh, Amount(entity="", value=1), key, by=wrong(key), run=True)
    (letter,) = mesh.dead_letters(NodeTallyReducer)
    facts = dict(letter.headers() or [])
    assert facts["onex-dlq-class"] == b"rejected"
    assert b"record on the wrong partition for its key for " + RETRY.encode() in facts["onex-dlq-message"]


def test_a_replay_goes_to_the_partition_of_the_key(mesh: MeshDriver) -> None:
    mesh.bus.publish(Outgoing(AMOUNTS, b"junk", b"e", [], wrong(b"e")))
    mesh.run_until_idle()
    desk = DeadLetterManager(mesh.bus, TopicCatalogue(mesh.bus), mesh.nodes[0], Author("me"), "test")
    (letter,) = [letter for letter, _ in desk.find()]
    desk.edit(desk.prepare_edit(letter, {}, {"entity": "e", "value": 7}))
    *_, (mended, _) = desk.find()
    assert desk.replay([mended]).replayed == 1
    mesh.run_until_idle()
    assert mesh.published(Tallied) == [Tallied(entity="e", total=7, count=1)]
    assert places(mesh.records(STATE)) == {b"e": {partition_of(b"e", 4)}}


def test_what_cannot_be_read_is_a_dead_letter_and_not_forwarded_with_its_group(mesh: MeshDriver) -> None:
    number, codec = wrong(b"e"), Codec.of_topic(Amount, AMOUNTS, mesh.catalogue)
    log = mesh.broker.logs[Partition(AMOUNTS, number)]
    for made, value in ((MemoryRecord, 1), (UnreadableRecord, 10), (MemoryRecord, 100)):
        encoded = codec.encode(Amount(entity="e", value=value))
        log.records.append(made(AMOUNTS, number, len(log.records), b"e", encoded, (), mesh.clock.now_ms()))
    with asked_once():
        mesh.run_until_idle()
    assert [tallied.total for tallied in mesh.published(Tallied)] == [1, 101]
    assert len(mesh.dead_letters()) == 1
