"""Records that end their process, on the in-memory bus: found, carried alone, blocked, skipped."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from node_alarm_orchestrator.v1_0_0.models import SetAlarm
from node_alarm_orchestrator.v1_0_0.node import NodeAlarmOrchestrator
from node_unruly_effect.v1_0_0.models import Act
from node_unruly_effect.v1_0_0.node import NodeUnrulyEffect

from onex.agent.crash import Isolation
from onex.agent.crash.journal import Span
from onex.agent.failure.blocked_partitions import BlockedPartitions
from onex.agent.failure.memory_shortages import MemoryShortages
from onex.agent.message.decoding import Decoder
from onex.agent.pure.crash_gate import PureGate
from onex.agent.telemetry.health import Health
from onex.bus.memory.log import COMMITTED, MemoryRecord
from onex.bus.protocols import Partition, ProtocolRecord
from onex.contract import resolve_node
from onex.dlq import Author, DeadLetterManager
from onex.errors import RejectedError, TransientError
from onex.node import TimerFired
from onex.schema.topic_catalogue import TopicCatalogue
from onex.testing import ManualClock
from onex.wire import headers as h
from tests.conftest import NODES
from tests.unit.crash_world import FOLDERS, KINDS, Kind, Machine, entities, facts_of, machines, where_of


@pytest.fixture
def machine_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Kind], Machine]]:
    with machines(tmp_path, monkeypatch) as made:
        yield made


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_it_is_carried_alone_then_blocks_its_partition_and_is_skipped(
    kind: Kind, machine_of: Callable[[Kind], Machine]
) -> None:
    machine = machine_of(kind)
    mesh = machine.mesh
    before, behind = ([kind.send("bad") for _ in range(3)] for _ in range(2))
    others = [kind.send(f"e{n}") for n in range(40)]
    for message in (*others[:20], *before):
        mesh.send(message, run=False)
    guilty = mesh.send(kind.deadly("bad"), run=False)
    for message in (*behind, *others[20:]):
        mesh.send(message, run=False)
    partition = where_of(machine, kind.deadly("bad"))
    offset = next(
        r.offset() for r in mesh.records(partition.topic) if dict(r.headers() or [])[h.ID] == guilty.id.encode()
    )

    assert machine.run_until_quiet() == 4, "three times, and once alone"

    ((about, reason),) = machine.reasons.items()
    assert about == f"blocked {partition.topic}[{partition.partition}]"
    assert f"at offset {offset} the process ended 4 times" in reason
    command = f"onex offsets skip {FOLDERS[kind.node]} {partition.topic} {partition.partition} {offset} --reason"
    assert command in reason
    done = entities(machine, kind)
    elsewhere = {m.entity for m in others if where_of(machine, m) != partition}  # type: ignore[attr-defined]  # they have one
    assert elsewhere <= set(done), "other partitions go on"
    assert mesh.dead_letters() == []
    assert partition in machine.held, "what the watchdog does not take for a stall"

    machine.skip(partition, offset)
    machine.run(2.0)

    (facts,) = facts_of(machine)
    assert (facts["onex-dlq-class"], facts["onex-dlq-stage"]) == ("crash", "handler")
    assert facts["onex-dlq-offset"] == str(offset)
    assert "ended 4 times" in facts["onex-dlq-message"]
    assert "it kills (ada)" in facts["onex-dlq-message"]
    done = entities(machine, kind)
    assert {e for e in done if e != "bad"} == {f"e{n}" for n in range(40)}
    assert {count for entity, count in done.items() if entity != "bad"} == {1}, "nothing twice"
    assert done["bad"] in (6, 2, 1), "an alarm that is set again rings once"
    assert machine.reasons == {}
    assert not Isolation(machine.disk, mesh.clock).suspects
    assert not machine.run(2.0)
    assert len(mesh.dead_letters()) == 1


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("ends", [1, 3])
def test_a_suspect_that_passes_is_removed(kind: Kind, machine_of: Callable[[Kind], Machine], ends: int) -> None:
    machine = machine_of(kind)
    for n in range(10):
        machine.mesh.send(kind.send(f"e{n}"), run=False)
    machine.mesh.send(kind.deadly("bad"), run=False)
    while machine.ends < ends:
        assert machine.run()
    machine.healed = True
    assert not machine.run(1.0)
    assert {f"e{n}" for n in range(10)} <= set(entities(machine, kind))
    assert machine.reasons == {}
    assert machine.mesh.dead_letters() == []
    assert not Isolation(machine.disk, machine.mesh.clock).suspects
    machine.mesh.send(kind.send("later"))
    assert entities(machine, kind)["later"] == 1


@pytest.mark.parametrize("kind", [KINDS["compute"], KINDS["effect"]], ids=["compute", "effect"])
def test_bytes_that_end_the_process_when_they_are_decoded(
    kind: Kind, machine_of: Callable[[Kind], Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = machine_of(kind)
    decode = Decoder.decode

    def deadly(self: Decoder, records: Any) -> Any:
        if any(record.value() == b"deadly" for record in records):
            machine.end()
        return decode(self, records)

    monkeypatch.setattr(Decoder, "decode", deadly)
    topic = machine.mesh.topic_of(type(kind.send("e")))
    for n in range(5):
        machine.mesh.send(kind.send(f"e{n}"), run=False)
    machine.mesh.publish(topic, b"deadly", b"bad", [], run=False)
    machine.mesh.send(kind.send("bad"), run=False)
    assert machine.run_until_quiet() == 4
    partition = where_of(machine, kind.send("bad"))
    offset = int(next(iter(machine.reasons.values())).split()[2])
    machine.skip(partition, offset)
    machine.run(2.0)
    (letter,) = machine.mesh.dead_letters()
    assert letter.value() == b"deadly"
    assert entities(machine, kind) == Counter([f"e{n}" for n in range(5)] + ["bad"])
    assert machine.reasons == {}


def test_a_timer_that_ends_the_process(
    machine_of: Callable[[Kind], Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = KINDS["orchestrator"]
    machine = machine_of(kind)
    decide = NodeAlarmOrchestrator.decide

    def deadly(node: Any, state: Any, event: Any, context: Any) -> Any:
        if isinstance(event, TimerFired) and context.key == "bad":
            machine.end()
        return decide(node, state, event, context)

    monkeypatch.setattr(NodeAlarmOrchestrator, "decide", deadly)
    machine.start()
    for entity in ("bad", *(f"e{n}" for n in range(20))):
        machine.mesh.send(SetAlarm(entity=entity, after=5.0))
    assert machine.run_until_quiet(10.0) == 4
    number = where_of(machine, SetAlarm(entity="bad", after=0.0)).partition
    due = machine.mesh.clock.now_ms()
    ((about, reason),) = machine.reasons.items()
    assert about == f"blocked onex.state.node_alarm_orchestrator.v1[{number}]"
    due = int(reason.split()[2])
    rung = entities(machine, kind)
    elsewhere = [
        f"e{n}" for n in range(20) if where_of(machine, SetAlarm(entity=f"e{n}", after=0.0)).partition != number
    ]
    assert all(rung[e] == 1 for e in elsewhere)
    machine.mesh.send(SetAlarm(entity="e0", after=1.0))
    machine.skip(Partition("onex.state.node_alarm_orchestrator.v1", number), due)
    machine.run(5.0)
    (facts,) = facts_of(machine)
    assert facts["onex-dlq-class"] == "crash"
    assert set(entities(machine, kind)) == {f"e{n}" for n in range(20)}
    assert machine.reasons == {}


def test_among_many_in_flight_only_the_guilty_one_is_blocked(
    machine_of: Callable[[Kind], Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = KINDS["effect"]
    machine = machine_of(kind)
    act = NodeUnrulyEffect.act

    async def slowly(node: Any, command: Act, context: Any) -> Any:
        await asyncio.sleep(1.0 if command.mood == "die" else 2.0)
        return await act(node, command, context)

    monkeypatch.setattr(NodeUnrulyEffect, "act", slowly)
    for n in range(30):
        machine.mesh.send(Act(entity=f"e{n}"), run=False)
        if n == 3:
            machine.mesh.send(Act(entity="bad", mood="die"), run=False)
    assert machine.run_until_quiet(300.0) <= 5
    assert len(machine.reasons) == 1
    partition = where_of(machine, Act(entity="bad"))
    machine.skip(partition, int(next(iter(machine.reasons.values())).split()[2]))
    machine.run(2.0)
    machine.run(300.0)
    assert [facts["onex-dlq-class"] for facts in facts_of(machine)] == ["crash"]
    assert entities(machine, kind) == Counter(f"e{n}" for n in range(30))
    assert machine.reasons == {}


def test_an_effect_that_ends_the_process_at_a_further_attempt_is_blocked_too(
    machine_of: Callable[[Kind], Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = KINDS["effect"]
    machine = machine_of(kind)
    act = NodeUnrulyEffect.act

    async def second(node: Any, command: Act, context: Any) -> Any:
        if command.mood == "die" and context.attempt < 2:
            raise TransientError("not at the first attempt")
        return await act(node, command, context)

    monkeypatch.setattr(NodeUnrulyEffect, "act", second)
    machine.mesh.send(Act(entity="bad", mood="die"), run=False)
    for n in range(10):
        machine.mesh.send(Act(entity=f"e{n}"), run=False)
    assert machine.run_until_quiet(60.0) <= 6
    assert len(machine.reasons) == 1


def test_a_record_that_another_instance_carried_is_unblocked(machine_of: Callable[[Kind], Machine]) -> None:
    kind = KINDS["reducer"]
    machine = machine_of(kind)
    machine.mesh.send(kind.deadly("bad"), run=False)
    machine.run_until_quiet()
    assert machine.reasons
    machine.kill()
    machine.healed = True
    other = machine.mesh.add_instance(kind.node)
    machine.mesh.run_until_idle()
    assert entities(machine, kind)["bad"] == 1
    machine.mesh.remove_instance(other)
    machine.start()
    machine.mesh.send(kind.send("bad"))
    assert machine.reasons == {}
    assert entities(machine, kind)["bad"] == 2
    assert not Isolation(machine.disk, machine.mesh.clock).suspects


@pytest.mark.parametrize("kind", [KINDS["compute"], KINDS["effect"]], ids=["compute", "effect"])
def test_a_replay_that_ends_the_process_again_blocks_the_retry_topic_and_can_be_skipped_there(
    kind: Kind, machine_of: Callable[[Kind], Machine]
) -> None:
    """The decision is behind the blocked record, in the same partition."""
    machine = machine_of(kind)
    machine.mesh.send(kind.deadly("bad"), run=False)
    machine.run_until_quiet()
    partition = where_of(machine, kind.deadly("bad"))
    machine.skip(partition, 0)
    machine.run(2.0)
    (node,) = machine.mesh.nodes
    desk = DeadLetterManager(machine.mesh.bus, TopicCatalogue(machine.mesh.bus), node, Author("ada"), "test")
    assert desk.replay([letter for letter, _ in desk.find()]).replayed == 1
    assert machine.run_until_quiet() == 8
    ((about, reason),) = machine.reasons.items()
    retry = Partition(node.contract.retry_topic, partition.partition)
    assert about == f"blocked {retry.topic}[{retry.partition}]"
    machine.mesh.send(kind.send("bad"))
    machine.skip(retry, int(reason.split()[2]))
    machine.run(2.0)
    assert [facts["onex-dlq-class"] for facts in facts_of(machine)] == ["crash", "crash"]
    assert entities(machine, kind)["bad"] == 1
    assert machine.reasons == {}
    assert [entry.action for entry in desk.audited()] == ["skipped", "replayed", "skipped"]


def test_a_process_that_ends_between_the_decision_and_the_dead_letter_loses_neither(
    machine_of: Callable[[Kind], Machine],
) -> None:
    kind = KINDS["reducer"]
    machine = machine_of(kind)
    machine.mesh.send(kind.deadly("bad"), run=False)
    machine.run_until_quiet()
    machine.mesh.broker.denied.add("onex.dlq.tally.reducer.v1")
    machine.skip(where_of(machine, kind.deadly("bad")), 0)
    machine.run(2.0)
    assert machine.mesh.dead_letters() == []
    machine.kill()
    machine.mesh.broker.denied.clear()
    retry = machine.mesh.bus.admin.topics(["onex.retry.tally.reducer.v1"])["onex.retry.tally.reducer.v1"]
    machine.mesh.broker.delete(retry.name)  # nobody needs to read the decision again
    machine.mesh.broker.create(retry)
    machine.run(2.0)
    assert [facts["onex-dlq-class"] for facts in facts_of(machine)] == ["crash"]


def test_a_failure_of_the_bus_makes_no_record_a_suspect(machine_of: Callable[[Kind], Machine]) -> None:
    kind = KINDS["compute"]
    machine = machine_of(kind)
    instance = machine.start()
    instance.fail_next_commit()
    machine.mesh.send(kind.send("e"), run=False)
    instance.step()
    assert not Isolation(machine.disk, machine.mesh.clock).suspects


def test_a_record_that_is_done_or_does_not_exist_cannot_be_skipped(machine_of: Callable[[Kind], Machine]) -> None:
    kind = KINDS["compute"]
    machine = machine_of(kind)
    machine.start()
    machine.mesh.send(kind.send("e"))
    partition = where_of(machine, kind.send("e"))
    for wanted, offset, why in (
        (partition, 0, "has finished offset 0"),
        (partition, 1, "no record at offset 1"),
        (Partition(partition.topic, 99), 0, "no partition 99"),
        (Partition("onex.evt.unruly.reply.v1", 0), 0, "does not read"),
    ):
        with pytest.raises(RejectedError, match=why):
            machine.skipper.find(wanted, offset)


def test_a_decision_about_a_record_that_blocks_nothing_is_ignored(machine_of: Callable[[Kind], Machine]) -> None:
    kind = KINDS["reducer"]
    machine = machine_of(kind)
    machine.mesh.send(kind.send("e"), run=False)
    machine.skip(where_of(machine, kind.send("e")), 0)
    machine.run(2.0)
    assert entities(machine, kind)["e"] == 1
    assert machine.mesh.dead_letters() == []


class _Seeks:
    """The part of a consumer that the gate uses."""

    def __init__(self) -> None:
        self.to: dict[Partition, int] = {}
        self.paused: list[Partition] = []

    def seek(self, partition: Partition, offset: int) -> None:
        self.to[partition] = offset

    def pause(self, partitions: Sequence[Partition]) -> None:
        self.paused += partitions


def _gate(tmp_path: Path, *ends: tuple[Partition, int, int]) -> PureGate:
    """Return a gate with the numbers of ends of the process at these locations. The fourth end was alone."""
    clock = ManualClock()
    for partition, offset, times in ends:
        for _ in range(times):
            span = Span(partition, offset, offset + 1)
            Isolation(tmp_path, clock).journal.write([span], alone=times == 4)
    held = BlockedPartitions(clock, Health())
    work, contract = (
        SimpleNamespace(memory_shortages=MemoryShortages()),
        resolve_node(NODES / "node_unruly_compute" / "v1_0_0").contract,
    )
    return PureGate(Isolation(tmp_path, clock), held, work, contract, "g", clock)  # type: ignore[arg-type]  # a double


def _records(*places: tuple[Partition, int]) -> list[ProtocolRecord]:
    return [MemoryRecord(*partition, offset, b"k", b"v", (), 0, COMMITTED) for partition, offset in places]


def _places(records: Sequence[ProtocolRecord]) -> list[tuple[Partition, int]]:
    return [(Partition(record.topic(), record.partition()), record.offset()) for record in records]


P, Q = Partition("t", 0), Partition("t", 1)


def test_a_record_that_runs_alone_does_not_wait_for_other_partitions(tmp_path: Path) -> None:
    gate, consumer = _gate(tmp_path, (P, 7, 3)), _Seeks()
    polled = _records((Q, 0), (Q, 1), (P, 7), (Q, 2), (P, 8))
    admitted, _ = gate.admit(polled, [], consumer)  # type: ignore[arg-type]  # a double
    assert _places(admitted) == [(P, 7)]
    assert consumer.to == {Q: 0, P: 8}


def test_records_before_it_in_its_partition_are_carried_first(tmp_path: Path) -> None:
    gate, consumer = _gate(tmp_path, (P, 7, 3)), _Seeks()
    admitted, _ = gate.admit(_records((Q, 0), (P, 6), (P, 7), (Q, 1), (P, 8)), [], consumer)  # type: ignore[arg-type]  # a double
    assert _places(admitted) == [(Q, 0), (P, 6)]
    assert consumer.to == {P: 7, Q: 1}


def test_records_before_a_blocked_one_and_other_partitions_are_carried(tmp_path: Path) -> None:
    gate, consumer = _gate(tmp_path, (P, 7, 4)), _Seeks()
    admitted, _ = gate.admit(_records((P, 6), (P, 7), (Q, 1), (P, 8)), [], consumer)  # type: ignore[arg-type]  # a double
    assert _places(admitted) == [(P, 6), (Q, 1)]
    assert (consumer.to, consumer.paused) == ({P: 7}, []), "a paused partition could not go back to what was undone"
    admitted, _ = gate.admit(_records((P, 7), (P, 8)), [], consumer)  # type: ignore[arg-type]  # a double
    assert (admitted, consumer.to, consumer.paused) == ([], {P: 7}, [P])


def test_one_record_alone_and_one_blocked_together(tmp_path: Path) -> None:
    gate, consumer = _gate(tmp_path, (P, 7, 4), (Q, 3, 3)), _Seeks()
    admitted, _ = gate.admit(_records((P, 6), (P, 7), (Q, 3), (Q, 4)), [], consumer)  # type: ignore[arg-type]  # a double
    assert _places(admitted) == [(Q, 3)]
    assert (consumer.to, consumer.paused) == ({P: 6, Q: 4}, []), "there is still one to carry"
