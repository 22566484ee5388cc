"""Records that end the process, together with other reasons for a partition to wait or a batch to be smaller."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from node_alarm_orchestrator.v1_0_0.models import SetAlarm
from node_alarm_orchestrator.v1_0_0.node import NodeAlarmOrchestrator
from node_tally_reducer.v1_0_0.models import Amount
from node_tally_reducer.v1_0_0.node import NodeTallyReducer
from node_unruly_compute.v1_0_0.models import Ask
from node_unruly_compute.v1_0_0.node import NodeUnrulyCompute

from onex.agent.crash import Isolation
from onex.agent.pure.engine import PureEngine
from onex.bus.memory.log import MemoryRecord
from onex.model.enums import EnumStage
from onex.node import TimerFired
from tests.unit.crash_world import KINDS, Kind, Machine, entities, facts_of, machines, where_of


@pytest.fixture
def machine_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Kind], Machine]]:
    with machines(tmp_path, monkeypatch) as made:
        yield made


def agent_of(machine: Machine) -> PureEngine:
    agent = getattr(machine.instance, "_runner")  # noqa: B009 - there is no public way
    assert isinstance(agent, PureEngine)
    return agent


def suspects(machine: Machine) -> list[tuple[int, bool]]:
    """Return the number of ends for each suspect, and whether it is blocked, as the next process would read them."""
    return [(suspect.count, suspect.blocked) for suspect in Isolation(machine.disk, machine.mesh.clock).suspects]


def blocked_offset(machine: Machine) -> int:
    (reason,) = machine.reasons.values()
    return int(reason.split()[2])


def test_batches_that_are_cut_by_time_count_as_far_as_they_came(
    machine_of: Callable[[Kind], Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = machine_of(KINDS["reducer"])
    reduce = NodeTallyReducer.reduce

    def slow(node: Any, state: Any, event: Any, context: Any) -> Any:
        machine.mesh.clock.move_to(machine.mesh.clock.monotonic() + 2.0)
        return reduce(node, state, event, context)

    monkeypatch.setattr(NodeTallyReducer, "reduce", slow)
    sent = [Amount(entity=f"e{n % 4}", value=1) for n in range(40)]
    for n, message in enumerate(sent):
        machine.mesh.send(message, run=False)
        if n == 25:
            machine.mesh.send(Amount(entity="bad", value=13), run=False)
    assert machine.run_until_quiet() == 4
    assert suspects(machine) == [(4, True)]
    machine.skip(where_of(machine, Amount(entity="bad", value=13)), blocked_offset(machine))
    machine.run(2.0)
    assert machine.reasons == {}
    assert entities(machine, KINDS["reducer"]) == {f"e{n}": 10 for n in range(4)}
    assert len(machine.mesh.dead_letters()) == 1
    assert suspects(machine) == []


def test_a_suspect_whose_output_is_too_large_becomes_a_dead_letter(machine_of: Callable[[Kind], Machine]) -> None:
    kind = KINDS["compute"]
    machine = machine_of(kind)
    machine.start()
    machine.mesh.send(kind.send("first"))
    machine.mesh.bus.admin.alter("onex.evt.unruly.reply.v1", {"max.message.bytes": "600"})  # nobody hears of it yet
    for n in range(10):
        machine.mesh.send(kind.send(f"e{n}"), run=False)
    machine.mesh.send(Ask(entity="bad", mood="die", size=700), run=False)
    while machine.ends < 3:
        assert machine.run()
    machine.healed = True
    for _ in range(5):
        assert not machine.run(31.0)
    assert [facts["onex-dlq-class"] for facts in facts_of(machine)] == ["rejected"]
    assert {f"e{n}" for n in range(10)} < set(entities(machine, kind))
    assert machine.reasons == {}
    assert suspects(machine) == []


@pytest.mark.parametrize("ends", [0, 2, 3])
def test_memory_that_is_short_after_the_process_ended_is_tried_alone_and_forgotten(
    machine_of: Callable[[Kind], Machine], monkeypatch: pytest.MonkeyPatch, ends: int
) -> None:
    kind = KINDS["reducer"]
    machine = machine_of(kind)
    reduce = NodeTallyReducer.reduce
    calls = []

    def short(node: Any, state: Any, event: Any, context: Any) -> Any:
        if event.entity == "bad" and machine.ends >= ends:
            calls.append(machine.ends)
            raise MemoryError
        return reduce(node, state, event, context)

    monkeypatch.setattr(NodeTallyReducer, "reduce", short)
    for n in range(10):
        machine.mesh.send(kind.send(f"e{n}"), run=False)
    machine.mesh.send(kind.deadly("bad"), run=False)
    while machine.ends < ends:
        assert machine.run()
    for _ in range(10):
        assert not machine.run(10.0)
    assert len(calls) == (3 if ends == 3 else 4), "a suspect runs alone at the first attempt"
    assert [facts["onex-dlq-class"] for facts in facts_of(machine)] == ["bug"]
    assert machine.reasons == {}
    assert suspects(machine) == []
    assert agent_of(machine).stage is not EnumStage.HANDLER


def test_attempts_without_memory_do_not_excuse_the_ends_of_the_process(
    machine_of: Callable[[Kind], Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = machine_of(KINDS["reducer"])
    reduce = NodeTallyReducer.reduce
    attempts = []

    def first_short(node: Any, state: Any, event: Any, context: Any) -> Any:
        if event.entity == "bad":
            attempts.append(machine.ends)
            if attempts.count(machine.ends) == 1:
                raise MemoryError
        return reduce(node, state, event, context)

    monkeypatch.setattr(NodeTallyReducer, "reduce", first_short)
    for n in range(10):
        machine.mesh.send(Amount(entity=f"e{n}", value=1), run=False)
    machine.mesh.send(Amount(entity="bad", value=13), run=False)
    assert machine.run_until_quiet(60.0) == 4
    assert suspects(machine) == [(4, True)]


def test_between_attempts_no_handler_runs(
    machine_of: Callable[[Kind], Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the watchdog would end the process for a handler that hangs, while the message waits."""
    machine = machine_of(KINDS["compute"])

    def short(node: Any, request: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(NodeUnrulyCompute, "compute", short)
    machine.start()
    machine.mesh.send(Ask(entity="e"))
    assert "memory was short" in str(machine.reasons)
    assert agent_of(machine).stage is not EnumStage.HANDLER
    assert suspects(machine) == []


def test_timers_wait_while_a_record_of_their_partition_is_blocked(machine_of: Callable[[Kind], Machine]) -> None:
    """The records behind it may cancel them."""
    kind = KINDS["orchestrator"]
    machine = machine_of(kind)
    machine.start()
    machine.mesh.send(SetAlarm(entity="bad", after=5.0))
    machine.mesh.send(kind.deadly("bad"), run=False)
    machine.mesh.send(SetAlarm(entity="bad", after=0.0, times=0), run=False)
    assert machine.run_until_quiet(60.0) == 4
    assert entities(machine, kind) == {}
    assert agent_of(machine).next_timer_ms() is None
    machine.kill()
    machine.run(60.0)
    assert entities(machine, kind) == {}, "not in the batch either in which it is found to be blocked"
    machine.skip(where_of(machine, kind.deadly("bad")), blocked_offset(machine))
    machine.run(60.0)
    assert machine.reasons == {}
    assert [facts["onex-dlq-class"] for facts in facts_of(machine)] == ["crash"]
    assert agent_of(machine).next_timer_ms() is None, "cancelled"


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_the_complaint_about_a_blocked_partition_that_moves_away_is_cleared(
    kind: Kind, machine_of: Callable[[Kind], Machine]
) -> None:
    machine = machine_of(kind)
    machine.mesh.send(kind.deadly("bad"), run=False)
    machine.run_until_quiet()
    assert len(machine.reasons) == 1
    machine.healed = True
    others = [machine.mesh.add_instance(kind.node) for _ in range(4)]
    machine.mesh.run_until_idle()
    machine.mesh.advance("2s")
    assert machine.instance is not None
    partition = where_of(machine, kind.deadly("bad"))
    is_here = partition in machine.instance.consumer.assignment()
    assert bool(machine.reasons) == is_here
    assert entities(machine, kind)["bad"] == (0 if is_here else 1)
    for other in others:
        machine.mesh.remove_instance(other)
    machine.mesh.run_until_idle()
    machine.mesh.advance("2s")
    assert bool(machine.reasons) == is_here


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_process_that_is_stopped_while_a_partition_is_blocked_blocks_it_again(
    kind: Kind, machine_of: Callable[[Kind], Machine]
) -> None:
    machine = machine_of(kind)
    machine.mesh.send(kind.deadly("bad"), run=False)
    machine.mesh.send(kind.send("bad"), run=False)
    machine.run_until_quiet()
    assert machine.instance is not None
    machine.mesh.remove_instance(machine.instance)
    assert suspects(machine) == [(4, True)], "the end counts nothing"
    machine.instance = None
    assert not machine.run(2.0)
    assert len(machine.reasons) == 1
    machine.skip(where_of(machine, kind.deadly("bad")), blocked_offset(machine))
    machine.run(2.0)
    assert entities(machine, kind)["bad"] == 1
    assert machine.reasons == {}


@pytest.mark.parametrize("kind", [KINDS["compute"], KINDS["effect"]], ids=["compute", "effect"])
def test_headers_that_cannot_be_read_among_records_that_are_watched(
    kind: Kind, machine_of: Callable[[Kind], Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = machine_of(kind)
    headers = MemoryRecord.headers

    def unreadable(self: MemoryRecord) -> Any:
        if self.key() == b"weird" and self.topic() == topic:
            raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")
        return headers(self)

    topic = machine.mesh.topic_of(type(kind.send("e")))
    monkeypatch.setattr(MemoryRecord, "headers", unreadable)
    machine.mesh.publish(topic, b"{}", b"weird", [], run=False)
    machine.mesh.send(kind.deadly("bad"), run=False)
    assert machine.run_until_quiet() == 4
    machine.skip(where_of(machine, kind.deadly("bad")), blocked_offset(machine))
    machine.mesh.clock.move_to(machine.mesh.clock.monotonic() + 2.0)
    machine.mesh.publish(topic, b"{}", b"weird", [], run=False)
    machine.run(2.0)
    assert sorted(facts["onex-dlq-class"] for facts in facts_of(machine)) == ["crash", "poison", "poison"]
    assert machine.reasons == {}


def test_a_timer_for_which_memory_was_short_runs_alone_and_delays_others_only_briefly(
    machine_of: Callable[[Kind], Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = machine_of(KINDS["orchestrator"])
    decide = NodeAlarmOrchestrator.decide

    def short(node: Any, state: Any, event: Any, context: Any) -> Any:
        if context.key == "bad" and not isinstance(event, SetAlarm):
            raise MemoryError
        return decide(node, state, event, context)

    monkeypatch.setattr(NodeAlarmOrchestrator, "decide", short)
    machine.start()
    for entity in ("a", "bad", "z"):
        machine.mesh.send(SetAlarm(entity=entity, after=1.0))
    for _ in range(10):
        machine.mesh.advance("10s")
    assert entities(machine, KINDS["orchestrator"]) == {"a": 1, "z": 1}
    assert len(machine.mesh.dead_letters()) == 1
    assert machine.reasons == {}


def test_timers_for_which_no_time_was_left_are_still_suspects(
    machine_of: Callable[[Kind], Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = machine_of(KINDS["orchestrator"])
    decide = NodeAlarmOrchestrator.decide

    def slow(node: Any, state: Any, event: Any, context: Any) -> Any:
        if isinstance(event, TimerFired):
            if context.key == deadly.entity:
                machine.end()
            machine.mesh.clock.move_to(machine.mesh.clock.monotonic() + 6.0)
        return decide(node, state, event, context)

    monkeypatch.setattr(NodeAlarmOrchestrator, "decide", slow)
    machine.start()
    entities_of = [[f"e{n}" for n in range(99) if _number(machine, f"e{n}") == number] for number in (0, 3)]
    deadly = SetAlarm(entity=entities_of[1][0], after=5.0)
    others = [SetAlarm(entity=entity, after=50.0) for entity in entities_of[0][:4]]
    for alarm in (*others, deadly):
        machine.mesh.send(alarm)
    assert machine.run(5.0)
    machine.mesh.clock.move_to(machine.mesh.clock.monotonic() + 60.0)
    assert machine.run_until_quiet(20.0) == 4, "the timers of other partitions, which come first, excuse nothing"
    assert suspects(machine) == [(4, True)]
    assert entities(machine, KINDS["orchestrator"]) == {alarm.entity: 1 for alarm in others}


def _number(machine: Machine, entity: str) -> int:
    return where_of(machine, SetAlarm(entity=entity, after=0.0)).partition
