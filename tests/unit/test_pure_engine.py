"""COMPUTE, REDUCER and ORCHESTRATOR on the in-memory bus: failures, transactions, state, timers, rebalance."""

from collections.abc import Iterator

import pytest
from node_alarm_orchestrator.v1_0_0.models import Rang, SetAlarm
from node_alarm_orchestrator.v1_0_0.node import NodeAlarmOrchestrator
from node_tally_reducer.v1_0_0.models import Amount, Tallied
from node_tally_reducer.v1_0_0.node import NodeTallyReducer
from node_unruly_compute.v1_0_0.models import Ask, Reply
from node_unruly_compute.v1_0_0.node import NodeUnrulyCompute

from onex.agent.pure.engine import PureEngine
from onex.bus.protocols import Partition
from onex.testing import MeshDriver
from onex.wire import headers as h
from tests.conftest import NODES

ASK = "onex.cmd.unruly.ask.v1"
DLQ = "onex.dlq.unruly.compute.v1"


@pytest.fixture
def mesh() -> Iterator[MeshDriver]:
    names = ("node_unruly_compute", "node_tally_reducer", "node_alarm_orchestrator")
    driver = MeshDriver([NODES / name / "v1_0_0" for name in names])
    yield driver
    driver.close()


# -- bad input ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "headers", "failure", "stage"),
    [
        (b"\x00\x00\x00\x00\x01\xff\xff", [], "poison", "decode"),
        (b"\x00\x00\x00\x00\xff\x01", [], "schema", "decode"),
        (b"\x07garbage", [], "poison", "decode"),
        (b'{"entity": 5, "mood": "good"}', [], "rejected", "validate"),
        (b'{"entity": "e", "extra": 1}', [], "rejected", "validate"),
        (b"[1]", [], "rejected", "validate"),
        (b"{broken", [], "poison", "decode"),
        (None, [], "rejected", "validate"),
        (b'{"entity": "e"}', [(h.TYPE, b"onex.cmd.unruly.other.v1")], "rejected", "validate"),
    ],
    ids=[
        "malformed Avro",
        "unknown schema id",
        "neither Avro nor JSON",
        "wrong type",
        "unknown field",
        "JSON that is no object",
        "broken JSON",
        "tombstone",
        "unknown event type",
    ],
)
def test_bad_input_becomes_a_dead_letter_and_the_next_message_goes_on(
    mesh: MeshDriver, value: bytes | None, headers: list[tuple[str, bytes]], failure: str, stage: str
) -> None:
    mesh.publish(ASK, value, b"e", [("trace", b"\xff\xfe"), *headers])
    (letter,) = mesh.dead_letters(NodeUnrulyCompute)
    facts = dict(letter.headers() or [])
    assert (facts["onex-dlq-class"], facts["onex-dlq-stage"]) == (failure.encode(), stage.encode())
    assert (letter.key(), letter.value()) == (b"e", value)
    assert facts["trace"] == b"\xff\xfe"
    good = mesh.send(Ask(entity="e"))
    assert mesh.published(Reply, good) == [Reply(entity="e", text="")]


def test_malformed_avro_of_a_known_schema_is_poison(mesh: MeshDriver) -> None:
    good = mesh.send(Ask(entity="e"))
    raw = mesh.records(ASK)[0].value() or b""
    mesh.publish(ASK, raw[:-2], b"e", [])
    assert mesh.published(Reply, good)
    assert dict(mesh.dead_letters()[0].headers() or [])["onex-dlq-class"] == b"poison"


def test_no_headers_at_all_are_fine(mesh: MeshDriver) -> None:
    mesh.publish(ASK, b'{"entity": "e"}', b"e", [])
    record, _ = mesh.messages(Reply)[0]
    found = dict(record.headers() or [])
    assert found[h.CAUSATION].startswith(b"onex-record:onex.cmd.unruly.ask.v1-")
    assert found[h.CORRELATION] == found[h.CAUSATION]


@pytest.mark.parametrize("key", [None, b""])
def test_keyed_kinds_refuse_records_without_a_key(mesh: MeshDriver, key: bytes | None) -> None:
    mesh.publish("onex.evt.tally.amount.v1", b'{"entity": "e", "value": 1}', key, [])
    facts = dict(mesh.dead_letters(NodeTallyReducer)[0].headers() or [])
    assert b"no key" in facts["onex-dlq-message"]


@pytest.mark.parametrize(
    ("mood", "failure", "stage"),
    [
        ("raise", "bug", "handler"),
        ("reject", "rejected", "handler"),
        ("wrong type", "bug", "encode"),
        ("undeclared", "bug", "encode"),
        ("half wrong", "bug", "encode"),
        ("half too large", "rejected", "encode"),
    ],
)
def test_handlers_that_misbehave_publish_nothing_but_a_dead_letter(
    mesh: MeshDriver, mood: str, failure: str, stage: str
) -> None:
    before, bad, after = mesh.send(Ask(entity="e")), mesh.send(Ask(entity="e", mood=mood)), mesh.send(Ask(entity="e"))
    facts = mesh.dead_letter_of(bad)
    assert (facts["onex-dlq-class"], facts["onex-dlq-stage"]) == (failure, stage)
    assert mesh.published(Reply, bad) == []
    assert len(mesh.published(Reply, before)) == len(mesh.published(Reply, after)) == 1
    assert len(mesh.dead_letters()) == 1


def test_a_dead_letter_tells_everything(mesh: MeshDriver) -> None:
    bad = mesh.send(Ask(entity="e", mood="raise"), headers=[(h.TRACE_PARENT, b"00-1-2-01")])
    facts = mesh.dead_letter_of(bad)
    assert facts["onex-dlq-topic"] == ASK
    assert facts["onex-dlq-group"] == "test.node_unruly_compute.consume.v1"
    assert (facts["onex-dlq-node"], facts["onex-dlq-node-version"]) == ("node_unruly_compute", "1.0.0")
    assert facts["onex-dlq-exception"] == "builtins.ZeroDivisionError"
    assert facts["onex-dlq-message"] == "on request"
    assert "in compute" in facts["onex-dlq-stack"]
    assert len(facts["onex-dlq-fingerprint"]) == 12
    assert facts["onex-dlq-message-id"] == bad.id
    assert facts["onex-dlq-attempts"] == "1"
    assert facts["onex-dlq-first-failed"] == facts["onex-dlq-last-failed"]
    assert facts["onex-dlq-schema-id"].isdigit()
    assert facts["onex-dlq-replays"] == "0"
    assert (facts[h.CORRELATION], facts[h.TRACE_PARENT]) == (bad.correlation_id, "00-1-2-01")
    assert {"onex-dlq-partition", "onex-dlq-offset", "onex-dlq-timestamp"} <= set(facts)


def test_equal_failures_have_equal_fingerprints(mesh: MeshDriver) -> None:
    first, second = (mesh.send(Ask(entity=e, mood="raise")) for e in ("a", "b"))
    other = mesh.send(Ask(entity="c", mood="reject"))
    prints = [mesh.dead_letter_of(sent)["onex-dlq-fingerprint"] for sent in (first, second, other)]
    assert prints[0] == prints[1] != prints[2]


def test_a_message_over_the_size_limit_is_buried(mesh: MeshDriver) -> None:
    bad = mesh.send(Ask(entity="e", size=1_100_000))
    assert mesh.dead_letter_of(bad)["onex-dlq-class"] == "rejected"


# -- envelope ----------------------------------------------------------------------------------


def test_outputs_have_derived_ids_and_carry_the_context_on(mesh: MeshDriver) -> None:
    parent = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    trace = [(h.TRACE_PARENT, parent), (h.TRACE_STATE, b"v=1"), (h.REPLY_KEY, b"asker")]
    first = mesh.send(Ask(entity="e"), id="same", correlation_id="c", headers=trace)
    mesh.send(Ask(entity="e"), id="same", correlation_id="c", headers=trace)
    (one, _), (two, _) = mesh.messages(Reply)
    found, again = dict(one.headers() or []), dict(two.headers() or [])
    assert found[h.ID] == again[h.ID] != b"same"
    assert found[h.CAUSATION] == first.id.encode()
    assert (found[h.CORRELATION], found[h.TRACE_PARENT], found[h.TRACE_STATE]) == (b"c", parent, b"v=1")
    assert one.key() == found[h.SUBJECT] == b"asker"
    assert found[h.TYPE] == b"onex.evt.unruly.reply.v1"


# -- transactions ------------------------------------------------------------------------------


def test_a_failing_commit_leaves_no_trace_and_runs_again(mesh: MeshDriver) -> None:
    (instance,) = mesh.instances_of(NodeTallyReducer)
    mesh.send(Amount(entity="e", value=1))
    instance.fail_next_commit()
    mesh.send(Amount(entity="e", value=2))
    assert "cannot commit" in str(instance.health.reasons)
    mesh.advance("1s")
    assert instance.health.ready
    assert mesh.published(Tallied) == [
        Tallied(entity="e", total=1, count=1),
        Tallied(entity="e", total=3, count=2),
    ]


def test_an_unwritable_dead_letter_topic_stops_the_partition_alone_and_it_goes_on_later(mesh: MeshDriver) -> None:
    mesh.broker.denied.add(DLQ)
    (instance,) = mesh.instances_of(NodeUnrulyCompute)
    bad = mesh.send(Ask(entity="stuck", mood="raise"))
    behind = mesh.send(Ask(entity="stuck"))
    assert "its dead letter cannot be written" in str(instance.health.reasons)
    others = [mesh.send(Ask(entity=f"other-{n}")) for n in range(20)]
    mesh.advance("5s")
    answered = [sent for sent in others if mesh.published(Reply, sent)]
    assert len(answered) >= 10, "other partitions go on"
    assert not mesh.published(Reply, behind)
    assert mesh.dead_letters() == []
    mesh.broker.denied.clear()
    mesh.advance("60s")
    assert instance.health.ready
    assert mesh.dead_letter_of(bad)
    assert mesh.published(Reply, behind)
    assert all(mesh.published(Reply, sent) for sent in others)


def test_a_crash_loses_and_repeats_nothing(mesh: MeshDriver) -> None:
    mesh.send(Amount(entity="e", value=1))
    (old,) = mesh.instances_of(NodeTallyReducer)
    mesh.send(Amount(entity="e", value=2), run=False)
    mesh.crash(old)
    mesh.add_instance(NodeTallyReducer)
    mesh.send(Amount(entity="e", value=3))
    assert [t.total for t in mesh.published(Tallied)] == [1, 3, 6]


def test_an_instance_with_the_same_transactional_id_fences_the_old_one(mesh: MeshDriver) -> None:
    (old,) = mesh.instances_of(NodeTallyReducer)
    transaction = mesh.bus.transaction("shared")
    mesh.bus.transaction("shared")
    from onex.errors import FencedError

    with pytest.raises(FencedError):
        transaction.begin()
    assert old.health.ready


# -- state -------------------------------------------------------------------------------------


def test_a_raising_reducer_changes_nothing(mesh: MeshDriver) -> None:
    mesh.send(Amount(entity="e", value=1))
    bad = mesh.send(Amount(entity="e", value=666))
    mesh.send(Amount(entity="e", value=1))
    assert mesh.dead_letter_of(bad)["onex-dlq-class"] == "bug"
    assert [t.total for t in mesh.published(Tallied)] == [1, 2]


def test_state_can_be_forgotten(mesh: MeshDriver) -> None:
    for value in (5, 0, 2):
        mesh.send(Amount(entity="e", value=value))
    assert [t.total for t in mesh.published(Tallied)] == [5, 2]
    changelog = [r for r in mesh.records("onex.state.node_tally_reducer.v1") if r.key() == b"se"]
    assert [record.value() is None for record in changelog] == [False, True, False]


def test_the_changelog_has_one_record_per_key_and_transaction(mesh: MeshDriver) -> None:
    for value in range(1, 11):
        mesh.send(Amount(entity="e", value=value), run=False)
    mesh.run_until_idle()
    assert mesh.published(Tallied)[-1].total == 55
    assert len(mesh.records("onex.state.node_tally_reducer.v1")) == 1


def test_scaling_out_and_in_keeps_every_total_right(mesh: MeshDriver) -> None:
    expected: dict[str, int] = {}

    def load(rounds: int) -> None:
        for value in range(1, rounds + 1):
            for entity in ("a", "b", "c", "d", "e", "f", "g", "h"):
                mesh.send(Amount(entity=entity, value=value), run=value % 3 == 0)
                expected[entity] = expected.get(entity, 0) + value

    load(4)
    second, third = mesh.add_instance(NodeTallyReducer), mesh.add_instance(NodeTallyReducer)
    load(4)
    mesh.run_until_idle()
    held = [len(i.consumer.assignment()) for i in mesh.instances_of(NodeTallyReducer)]
    assert sorted(held) == [2, 2, 4]
    mesh.remove_instance(second)
    load(4)
    mesh.crash(third)
    load(4)
    mesh.run_until_idle()
    totals: dict[str, int] = {}
    for tallied in mesh.published(Tallied):
        assert tallied.total > totals.get(tallied.entity, 0)
        totals[tallied.entity] = tallied.total
    assert totals == expected
    assert mesh.dead_letters() == []


# -- timers ------------------------------------------------------------------------------------


def test_a_timer_fires_once_and_carries_the_correlation(mesh: MeshDriver) -> None:
    sent = mesh.send(SetAlarm(entity="e", after=10))
    mesh.advance("9s")
    assert mesh.published(Rang) == []
    mesh.advance("2s")
    mesh.advance("1h")
    assert mesh.published(Rang, sent) == [Rang(entity="e", number=1)]


def test_timers_survive_a_crash_and_move_with_their_partition(mesh: MeshDriver) -> None:
    sent = [mesh.send(SetAlarm(entity=f"e{n}", after=10)) for n in range(8)]
    (old,) = mesh.instances_of(NodeAlarmOrchestrator)
    mesh.crash(old)
    mesh.add_instance(NodeAlarmOrchestrator)
    mesh.add_instance(NodeAlarmOrchestrator)
    mesh.advance("11s")
    assert [len(mesh.published(Rang, s)) for s in sent] == [1] * 8


def test_a_failing_commit_does_not_lose_a_timer(mesh: MeshDriver) -> None:
    sent = mesh.send(SetAlarm(entity="e", after=10))
    (instance,) = mesh.instances_of(NodeAlarmOrchestrator)
    instance.fail_next_commit()
    mesh.advance("12s")
    assert mesh.published(Rang, sent) == [Rang(entity="e", number=1)]


def test_a_timer_can_be_moved_and_cancelled(mesh: MeshDriver) -> None:
    mesh.send(SetAlarm(entity="moved", after=10))
    mesh.send(SetAlarm(entity="moved", after=100))
    mesh.send(SetAlarm(entity="gone", after=10))
    mesh.send(SetAlarm(entity="gone", after=0, times=0))
    mesh.advance("50s")
    assert mesh.published(Rang) == []
    mesh.advance("60s")
    assert [rang.entity for rang in mesh.published(Rang)] == ["moved"]


def test_lag_is_known_and_nothing_is_held_at_rest(mesh: MeshDriver) -> None:
    mesh.send(Ask(entity="e"))
    (instance,) = mesh.instances_of(NodeUnrulyCompute)
    assert set(instance.consumer.lag().values()) == {0}
    assert Partition(ASK, 0) in instance.consumer.lag()


def test_a_partition_whose_state_is_being_restored_stands_still() -> None:
    """So that the watchdog does not take a long restore for a stall."""
    mesh = MeshDriver([NODES / "node_tally_reducer" / "v1_0_0"])
    for number in range(40):
        mesh.send(Amount(entity=f"e-{number}", value=1))
    mesh.crash(mesh.instances_of(NodeTallyReducer)[0])
    instance = mesh.add_instance(NodeTallyReducer)
    instance.step()
    agent = instance._runner
    assert isinstance(agent, PureEngine)
    assert set(agent.waiting_partitions()) == set(instance.consumer.assignment()) != set()
    restoring = agent.restoring()
    assert {partition.partition for partition in restoring} == {held.partition for held in agent.waiting_partitions()}
    assert sum(at.left for at in restoring.values()) > 0, (
        "what the watchdog takes for a stall when it does not change"
    )
    mesh.run_until_idle()
    assert (agent.waiting_partitions(), agent.restoring()) == ([], {})
    mesh.close()
