"""Records that are too large: each is one dead letter that names the remedy, and all other records are processed."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from node_alarm_orchestrator.v1_0_0.models import Rang, SetAlarm
from node_alarm_orchestrator.v1_0_0.node import NodeAlarmOrchestrator
from node_tally_reducer.v1_0_0.models import Amount, Tallied
from node_tally_reducer.v1_0_0.node import NodeTallyReducer
from node_unruly_compute.v1_0_0.models import Ask, Reply
from node_unruly_compute.v1_0_0.node import NodeUnrulyCompute
from node_unruly_effect.v1_0_0.models import Act, Acted
from node_unruly_effect.v1_0_0.node import NodeUnrulyEffect

from onex.agent.process.preflight import check_topics
from onex.agent.pure.batch_pace import TOGETHER, BatchPace
from onex.bus.kafka import KafkaConfig
from onex.bus.memory import MemoryBroker, MemoryEventBus
from onex.bus.protocols import Headers, Partition
from onex.contract import ResolvedNode, resolve_node
from onex.errors import ConfigurationError
from onex.provisioning.declared import declare
from onex.provisioning.provision import apply_plan, make_plan
from onex.schema.topic_catalogue import TopicCatalogue
from onex.testing import MeshDriver
from onex.testing.instance import Instance
from onex.wire import headers as h
from onex.wire.partitioner import partition_of
from onex.wire.sizes import LETTER_ROOM, record_bytes
from tests.conftest import NODES

COMPUTE, REDUCER = NODES / "node_unruly_compute" / "v1_0_0", NODES / "node_tally_reducer" / "v1_0_0"
ALARM, EFFECT = NODES / "node_alarm_orchestrator" / "v1_0_0", NODES / "node_unruly_effect" / "v1_0_0"
REPLIES, ASKS = "onex.evt.unruly.reply.v1", "onex.cmd.unruly.ask.v1"
STATE, RINGS = "onex.state.node_tally_reducer.v1", "onex.evt.alarm.rang.v1"
LONG = "x" * 300


@pytest.fixture
def mesh() -> Iterator[MeshDriver]:
    driver = MeshDriver([COMPUTE, REDUCER, ALARM, EFFECT])
    yield driver
    driver.close()


def key_in(number: int, partitions: int, start: str) -> str:
    """Return a key of a partition of the state."""
    return next(key for n in count() if partition_of((key := f"{start}{n}").encode(), partitions) == number)


def limit(mesh: MeshDriver, topic: str, most: int, *, is_read: bool) -> None:
    """Set the limit of a topic. ``is_read``: wait until agents have read it, half a minute later."""
    mesh.bus.admin.alter(topic, {"max.message.bytes": str(most)})
    if is_read:
        mesh.advance("31s")


def aborts(instance: Instance) -> float:
    samples = [sample for metric in instance.metrics.aborts.collect() for sample in metric.samples]
    return sum(sample.value for sample in samples if sample.name.endswith("_total"))


# -- the size of a record --------------------------------------------------------------------------


def varint(number: int) -> int:
    """Return the size of a zigzag varint in bytes."""
    number, size = number << 1, 1
    while number >= 0x80:
        number, size = number >> 7, size + 1
    return size


def exact_batch(value: bytes | None, key: bytes | None, headers: Headers) -> int:
    """Return the size of a batch with one record, whose deltas are all zero (KIP-98)."""

    def sized(data: bytes | None) -> int:
        return 1 if data is None else varint(len(data)) + len(data)

    record = 3 + sized(key) + sized(value) + varint(len(headers))
    record += sum(sized(name.encode()) + sized(text) for name, text in headers)
    return 61 + varint(record) + record


@given(
    value=st.none() | st.binary(max_size=300),
    key=st.none() | st.binary(max_size=200),
    headers=st.lists(st.tuples(st.text(max_size=80), st.binary(max_size=200)), max_size=5),
    times=st.sampled_from([1, 1000]),
)
def test_the_size_of_a_record_is_never_estimated_too_small(
    value: bytes | None, key: bytes | None, headers: Headers, times: int
) -> None:
    value = None if value is None else value * times
    exact = exact_batch(value, key, headers)
    assert exact <= record_bytes(value, key, headers) <= exact + 18 + 5 * len(headers)


# -- what is checked when it is staged ---------------------------------------------------------------


def test_a_state_that_its_changelog_does_not_take_is_a_dead_letter(mesh: MeshDriver) -> None:
    limit(mesh, STATE, 200, is_read=True)
    good = [mesh.send(Amount(entity=f"e{n}", value=1), run=False) for n in range(5)]
    bad = mesh.send(Amount(entity=LONG, value=1), run=False)
    mesh.run_until_idle()
    facts = mesh.dead_letter_of(bad)
    assert (facts["onex-dlq-class"], facts["onex-dlq-stage"]) == ("rejected", "encode")
    for words in ("state for " + STATE, "max.message.bytes of the topic is 200", "ONEX_MAX_MESSAGE_BYTES"):
        assert words in facts["onex-dlq-message"]
    assert all(mesh.published(Tallied, sent) for sent in good)
    assert not mesh.published(Tallied, bad)
    (instance,) = mesh.instances_of(NodeTallyReducer)
    assert aborts(instance) == 0
    assert instance.health.ready


def test_a_group_that_spans_partitions_changes_all_states_or_none(mesh: MeshDriver) -> None:
    limit(mesh, STATE, 200, is_read=True)
    partitions, keys = mesh.broker.topic(STATE).partitions, [f"e{n}" for n in range(20)]
    sent = [mesh.send(Amount(entity=key, value=1), run=False) for _ in range(2) for key in keys]
    for number in range(partitions):  # one state of each partition does not fit
        mesh.send(Amount(entity=key_in(number, partitions, LONG), value=1), run=False)
        sent += [mesh.send(Amount(entity=key, value=1), run=False) for key in keys]
    mesh.run_until_idle()
    assert len(mesh.dead_letters()) == partitions
    totals = [tallied.total for message in sent for tallied in mesh.published(Tallied, message)]
    assert sorted(totals) == sorted([*range(1, len(sent) // len(keys) + 1)] * len(keys))


@pytest.mark.parametrize("size", [1_048_000, 1_048_588, 1_100_000])
def test_outputs_are_measured_with_key_and_headers(mesh: MeshDriver, size: int) -> None:
    bad, good = mesh.send(Ask(entity="e", size=size), run=False), mesh.send(Ask(entity="e"))
    (instance,) = mesh.instances_of(NodeUnrulyCompute)
    assert aborts(instance) == 0
    assert bool(mesh.published(Reply, bad)) == (size < 1_048_001)
    if size > 1_048_001:
        assert "output for " + REPLIES in mesh.dead_letter_of(bad)["onex-dlq-message"]
    assert mesh.published(Reply, good)


def test_an_output_of_a_fired_timer_that_is_too_large_is_its_dead_letter(mesh: MeshDriver) -> None:
    bad, good = mesh.send(SetAlarm(entity=LONG, after=40)), mesh.send(SetAlarm(entity="e", after=40))
    limit(mesh, RINGS, 700, is_read=True)
    mesh.advance("20s")
    assert mesh.published(Rang, good)
    assert not mesh.published(Rang, bad)
    (letter,) = mesh.dead_letters(NodeAlarmOrchestrator)
    assert b"output for " + RINGS.encode() in dict(letter.headers() or [])["onex-dlq-message"]
    (instance,) = mesh.instances_of(NodeAlarmOrchestrator)
    assert aborts(instance) == 0


def test_keys_and_headers_that_are_carried_on_count(mesh: MeshDriver) -> None:
    for topic in (ASKS, "onex.cmd.unruly.act.v1", "onex.dlq.unruly.compute.v1", "onex.dlq.unruly.effect.v1"):
        limit(mesh, topic, 5_000_000, is_read=False)
    mesh.advance("31s")
    long = b"y" * 1_500_000
    for topic, dlq in ((ASKS, "compute"), ("onex.cmd.unruly.act.v1", "effect")):
        mesh.publish(topic, b'{"entity": "e"}', b"e", [(h.REPLY_KEY, long)])
        mesh.publish(topic, b'{"entity": "e"}', long, [])
        mesh.publish(topic, b'{"entity": "e"}', b"e", [])
        for _ in range(5):
            mesh.advance("1s")
        letters = mesh.records(f"onex.dlq.unruly.{dlq}.v1")
        assert [dict(letter.headers() or [])["onex-dlq-class"] for letter in letters] == [b"rejected"] * 2
    assert all(instance.health.ready for instance in mesh.instances)
    assert len(mesh.published(Reply)) == len(mesh.published(Acted)) == 1


def test_timers_of_a_key_that_its_changelog_does_not_take_are_refused(mesh: MeshDriver) -> None:
    changelog = "onex.state.node_alarm_orchestrator.v1"
    limit(mesh, changelog, 3000, is_read=True)
    bad = mesh.send(SetAlarm(entity="e", after=5), headers=[(h.REPLY_KEY, b"r" * 4000)])
    good = mesh.send(SetAlarm(entity="f", after=5))
    assert "timers for " + changelog in mesh.dead_letter_of(bad)["onex-dlq-message"]
    mesh.advance("6s")
    assert [rang.entity for rang in mesh.published(Rang)] == ["f"]
    assert mesh.published(Rang, good)
    assert not [r for r in mesh.records(changelog) if (r.key() or b"")[1:] == b"e"], "no state without its timers"


def test_a_dead_letter_fits_its_topic(mesh: MeshDriver) -> None:
    dlq = "onex.dlq.unruly.compute.v1"
    limit(mesh, dlq, 20_000, is_read=True)
    mesh.publish(ASKS, b"junk" * 100_000, b"k" * 5000, [("mine", b"h" * 8000)])
    (letter,) = mesh.records(dlq)
    facts = dict(letter.headers() or [])
    assert facts["onex-dlq-truncated"] == b"400000"
    assert {"onex-dlq-truncated-key", "onex-dlq-truncated-headers", "onex-dlq-class"} <= set(facts)
    assert 19_000 < record_bytes(letter.value(), letter.key(), letter.headers() or []) <= 20_000
    assert mesh.instances_of(NodeUnrulyCompute)[0].health.ready


# -- what only the broker knows ------------------------------------------------------------------------


def test_what_a_broker_refuses_is_traced_to_its_record(mesh: MeshDriver) -> None:
    """The limit was lowered a moment ago, and no agent has read it yet."""
    mesh.send(Ask(entity="e"))
    mesh.send(Amount(entity="e", value=1))
    mesh.send(Act(entity="e"))
    for topic in (REPLIES, STATE, "onex.evt.unruly.acted.v1"):
        limit(mesh, topic, 600, is_read=False)
    bad = [
        mesh.send(Ask(entity="e", size=700), run=False),
        mesh.send(Amount(entity="x" * 700, value=1), run=False),
        mesh.send(Act(entity="x" * 500), run=False),
    ]
    good = [mesh.send(m, run=False) for m in (Ask(entity="e"), Amount(entity="e", value=1), Act(entity="e"))]
    mesh.run_until_idle()
    assert not mesh.dead_letters()
    assert "cannot commit" in str(mesh.instances_of(NodeTallyReducer)[0].health.reasons)
    mesh.advance("1s")
    mesh.advance("1s")
    for sent in bad:
        assert mesh.dead_letter_of(sent)["onex-dlq-class"] == "rejected"
    assert mesh.published(Reply, good[0])
    assert mesh.published(Tallied, good[1])
    assert mesh.published(Acted, good[2])
    for instance in mesh.instances:
        assert instance.health.ready
        assert aborts(instance) <= 2
    assert [entity for entity, _ in NodeUnrulyEffect.done].count("x" * 500) == 1, "the handler does not run again"


def blind(mesh: MeshDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let agents read a limit that every record fits. The broker has the real limits."""
    read_topics = type(mesh.bus.admin).topics
    monkeypatch.setattr(
        type(mesh.bus.admin),
        "topics",
        lambda self, names: {n: replace(t, max_message_bytes=9_999_999) for n, t in read_topics(self, names).items()},
    )
    mesh.advance("31s")


def test_a_culprit_that_seems_to_fit_is_found_by_halving(mesh: MeshDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    timers = [mesh.send(SetAlarm(entity=e, after=60)) for e in ("a", LONG, "b")]
    blind(mesh, monkeypatch)
    for topic, most in ((REPLIES, 600), (RINGS, 700), ("onex.evt.unruly.acted.v1", 700)):
        limit(mesh, topic, most, is_read=False)
    asked = [mesh.send(Ask(entity=f"e{n}", size=700 * (n == 13)), run=False) for n in range(40)]
    acted = [mesh.send(Act(entity=LONG if n == 4 else f"e{n}"), run=False) for n in range(9)]
    for _ in range(60):
        mesh.advance("2s")
    assert [len(mesh.published(Reply, sent)) for sent in asked] == [int(n != 13) for n in range(40)]
    assert [len(mesh.published(Acted, sent)) for sent in acted] == [int(n != 4) for n in range(9)]
    assert [len(mesh.published(Rang, sent)) for sent in timers] == [1, 0, 1]
    assert len(mesh.dead_letters()) == 3
    assert all(instance.health.ready for instance in mesh.instances)


def test_a_culprit_is_found_while_another_partition_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    mesh = MeshDriver([COMPUTE])
    blind(mesh, monkeypatch)
    limit(mesh, REPLIES, 600, is_read=False)
    partitions = mesh.broker.topic(ASKS).partitions
    keys = [f"e{n}" for n in range(200)]
    of_one = [key for key in keys if partition_of(key.encode(), partitions) == 0][:20]
    busy = next(key for key in keys if partition_of(key.encode(), partitions) == 1)
    asked = [mesh.send(Ask(entity=key, size=700 * (n == 7)), run=False) for n, key in enumerate(of_one)]
    for _ in range(120):
        mesh.send(Ask(entity=busy), run=False)
        mesh.advance(0.5)
    assert [len(mesh.published(Reply, sent)) for sent in asked] == [int(n != 7) for n in range(len(of_one))]
    assert len(mesh.dead_letters()) == 1
    assert all(instance.health.ready for instance in mesh.instances)
    mesh.close()


def test_every_undo_waits_longer_and_says_why_also_for_timers_alone(mesh: MeshDriver) -> None:
    sent = mesh.send(SetAlarm(entity="e", after=10))
    (instance,) = mesh.instances_of(NodeAlarmOrchestrator)
    mesh.broker.denied.add(RINGS)
    mesh.advance("11s")
    before, waits = aborts(instance), []
    for _ in range(5):
        started = mesh.clock.monotonic()
        while aborts(instance) == before:
            assert "denied" in str(instance.health.reasons)
            mesh.advance(0.05)
        waits.append(mesh.clock.monotonic() - started)
        before = aborts(instance)
    assert waits == sorted(waits)
    assert waits[-1] > 8 * waits[0]
    mesh.broker.denied.clear()
    mesh.advance("30s")
    assert mesh.published(Rang, sent) == [Rang(entity="e", number=1)]
    assert instance.health.ready


def test_a_timer_that_is_cancelled_while_it_waits_is_no_complaint_any_more(mesh: MeshDriver) -> None:
    mesh.send(SetAlarm(entity="e", after=10))
    (instance,) = mesh.instances_of(NodeAlarmOrchestrator)
    mesh.broker.denied.add(RINGS)
    mesh.advance("11s")
    assert not instance.health.ready
    mesh.send(SetAlarm(entity="e", after=0, times=0))
    mesh.advance("40s")
    assert instance.health.ready
    assert not mesh.published(Rang)


def test_a_pace_narrows_and_widens_again() -> None:
    refused, other = Partition(ASKS, 0), Partition(ASKS, 1)
    pace = BatchPace(100, 4.0)
    pace.refused(100, [refused])
    assert (pace.size, pace.narrow) == (50, True)
    for _ in range(10):
        pace.refused(pace.size, [refused])
    assert pace.size == 1
    for _ in range(10):
        pace.committed(0.1, [other])
    assert (pace.size, pace.narrow) == (1, True)
    while pace.narrow:
        pace.committed(0.1, [refused, other])
    assert pace.size == 100
    pace.refused(3000, [refused])
    assert pace.size == 100
    pace.forget(refused)
    pace.committed(0.1, [other])
    assert not pace.narrow
    for _ in range(10):
        pace.carried(pace.group, 0.001)
    assert pace.group == TOGETHER
    pace.carried(TOGETHER, 6.4)
    assert pace.group == 5


# -- topics and clients ------------------------------------------------------------------------------------


def limited(node: ResolvedNode, most: int) -> ResolvedNode:
    """Return the node with a contract that sets a limit for its inputs."""
    contract = node.contract
    config = contract.event_bus.topic_config.model_copy(update={"kafka_config": {"max.message.bytes": str(most)}})
    events = contract.event_bus.model_copy(update={"topic_config": config})
    return replace(node, contract=contract.model_copy(update={"event_bus": events}))


def applied(node: ResolvedNode, bus: MemoryEventBus, most: int = 1_048_588) -> dict[str, int]:
    declared = declare([node], 1, most)
    apply_plan(make_plan(declared, bus, TopicCatalogue(bus)), declared, bus, TopicCatalogue(bus))
    assert make_plan(declared, bus, TopicCatalogue(bus)).changes == []
    return {name: topic.max_message_bytes for name, topic in bus.admin.topics(list(declared.topics)).items()}


def test_retry_and_dead_letter_topics_take_the_largest_input_and_more_headers() -> None:
    node, bus = resolve_node(REDUCER), MemoryEventBus(MemoryBroker(lambda: 0))
    contract = node.contract
    failure_topics = (contract.retry_topic, contract.dead_letter_topic)
    assert {applied(node, bus)[name] for name in failure_topics} == {1_048_588 + LETTER_ROOM}
    check_topics(bus, node)
    assert {applied(limited(node, 5_000_000), bus)[name] for name in failure_topics} == {5_000_000 + LETTER_ROOM}
    (topic,) = contract.event_bus.subscribe_topics
    bus.admin.alter(topic, {"max.message.bytes": "7000000"})  # by hand
    with pytest.raises(ConfigurationError, match=r"takes records of 7000000 bytes.*run `onex apply`"):
        check_topics(bus, node)
    assert {applied(node, bus)[name] for name in failure_topics} == {7_000_000 + LETTER_ROOM}
    assert {applied(node, bus)[name] for name in failure_topics} == {7_000_000 + LETTER_ROOM}, "never lowered"
    check_topics(bus, node)


def test_one_setting_raises_all_topics_of_a_node_and_its_clients() -> None:
    node, bus = resolve_node(REDUCER), MemoryEventBus(MemoryBroker(lambda: 0))
    limits = applied(node, bus, 4_000_000)
    contract = node.contract
    assert {limits[n] for n in (*node.routes, *node.outputs.values(), contract.changelog_topic)} == {4_000_000}
    assert {limits[n] for n in (contract.retry_topic, contract.dead_letter_topic)} == {4_000_000 + LETTER_ROOM}
    config = KafkaConfig("k:9092", max_message_bytes=4_000_000)
    assert config.producer("t")["message.max.bytes"] == 4_000_000 + LETTER_ROOM
    assert config.consumer("g")["fetch.message.max.bytes"] == 4_000_000 + LETTER_ROOM


def test_producers_fit_the_topics_that_they_write_to() -> None:
    config = KafkaConfig("k:9092").fitting(100_000, 5_000_000)
    assert config.producer("t")["batch.size"] == 100_000
    assert config.producer("t")["message.max.bytes"] == 5_000_000
    assert KafkaConfig("k:9092").fitting(2_000_000, 2_000_000).producer("t")["batch.size"] == 1_000_000
    small = KafkaConfig("k:9092", producing={"batch.size": "5000"}).fitting(100_000, 5_000_000)
    assert small.producer("t")["batch.size"] == 5000
