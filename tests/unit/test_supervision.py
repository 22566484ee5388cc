"""What is the failure of one message, and what ends a run: it never just disappears."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any
from unittest.mock import patch

import pytest
from node_alarm_orchestrator.v1_0_0.models import AlarmState, Rang, SetAlarm
from node_alarm_orchestrator.v1_0_0.node import NodeAlarmOrchestrator
from node_tally_reducer.v1_0_0.models import Amount, Tallied
from node_tally_reducer.v1_0_0.node import NodeTallyReducer
from node_unruly_compute.v1_0_0.models import Ask, Reply
from node_unruly_compute.v1_0_0.node import NodeUnrulyCompute
from node_unruly_effect.v1_0_0.models import Act, Acted
from node_unruly_effect.v1_0_0.node import NodeUnrulyEffect

from onex.agent.effect.outcome_builder import OutcomeBuilder
from onex.agent.message.decoding import Decoder
from onex.agent.state.partition_store import PartitionStore
from onex.bus.protocols import Partition
from onex.errors import BusUnavailableError, StateStoreError
from onex.node import Context, Decision, TimerFired
from onex.testing import MeshDriver
from onex.testing.effect_runner import MemoryEffectRunner
from onex.wire import dead_letter as d
from tests.conftest import NODES
from tests.unit.test_effect_runner import BusySettlement, Engine, memory_bus, run

Act_ = Callable[[Act], Awaitable[Acted]]


@pytest.fixture
def effect() -> Iterator[MeshDriver]:
    NodeUnrulyEffect.done.clear()
    driver = MeshDriver([NODES / "node_unruly_effect" / "v1_0_0"])
    yield driver
    driver.close()


def pure(name: str) -> MeshDriver:
    return MeshDriver([NODES / name / "v1_0_0"])


def host_of(mesh: MeshDriver) -> MemoryEffectRunner:
    host = mesh.instances[0]._runner
    assert isinstance(host, MemoryEffectRunner)
    return host


def misbehaving(monkeypatch: pytest.MonkeyPatch, bad: Act_) -> MeshDriver:
    """An effect whose handler does this for the entity "bad"."""
    original = NodeUnrulyEffect.act

    async def act(self: NodeUnrulyEffect, command: Act, context: Context) -> Acted | list[Acted]:
        return await bad(command) if command.entity == "bad" else await original(self, command, context)

    monkeypatch.setattr(NodeUnrulyEffect, "act", act)
    return MeshDriver([NODES / "node_unruly_effect" / "v1_0_0"])


# -- a message's own failure ----------------------------------------------------------------------------


async def _awaits_a_cancelled_task(_: Act) -> Acted:
    task = asyncio.get_running_loop().create_task(asyncio.sleep(3600))
    asyncio.get_running_loop().call_later(1, task.cancel)
    await task
    raise AssertionError


async def _cancels_itself(_: Act) -> Acted:
    task = asyncio.current_task()
    assert task
    task.cancel()
    await asyncio.sleep(1)
    raise AssertionError


async def _cancels_itself_twice_and_returns(command: Act) -> Acted:
    task = asyncio.current_task()
    assert task
    for _ in range(2):
        task.cancel()
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            continue
    raise ConnectionError("again")


async def _exits(_: Act) -> Acted:
    await asyncio.sleep(0.1)
    raise SystemExit(3)


async def _leaves_its_generator(_: Act) -> Acted:
    raise GeneratorExit


@pytest.mark.parametrize(
    "bad",
    [
        _awaits_a_cancelled_task,
        _cancels_itself,
        _cancels_itself_twice_and_returns,
        _exits,
        _leaves_its_generator,
    ],
)
def test_whatever_ends_the_task_of_a_handler_is_the_failure_of_its_message(
    monkeypatch: pytest.MonkeyPatch, bad: Act_
) -> None:
    mesh = misbehaving(monkeypatch, bad)
    sent = mesh.send(Act(entity="bad"))
    behind = mesh.send(Act(entity="bad2"))
    mesh.advance("30s")
    assert mesh.dead_letter_of(sent)[d.OFFSET]
    assert len(mesh.dead_letters()) == 1
    assert mesh.published(Acted, behind)
    assert host_of(mesh).engine.in_flight == 0
    mesh.close()


def test_a_handler_that_cancelled_itself_once_is_timed_as_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    async def swallows_its_cancellation_then_hangs(_: Act) -> Acted:
        calls.append(1)
        if len(calls) == 1:
            task = asyncio.current_task()
            assert task
            task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(1)
            raise ConnectionError("again")
        await asyncio.sleep(3600)
        raise AssertionError

    calls: list[int] = []
    mesh = misbehaving(monkeypatch, swallows_its_cancellation_then_hangs)
    sent = mesh.send(Act(entity="bad"))
    mesh.advance("60s")
    assert (mesh.dead_letter_of(sent)[d.CLASS], len(calls)) == ("timeout", 3)
    mesh.close()


def test_a_handler_that_is_drained_leaves_its_message_to_the_next_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    async def translates_its_cancellation(command: Act) -> Acted:
        calls.append(command)
        if len(calls) > 1:
            return Acted(entity="bad", number=0, attempt=0)
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            raise RuntimeError("aborted") from None
        raise AssertionError

    calls: list[Act] = []
    mesh = misbehaving(monkeypatch, translates_its_cancellation)
    sent = mesh.send(Act(entity="bad"))
    mesh.remove_instance(mesh.instances[0])
    mesh.add_instance(NodeUnrulyEffect)
    mesh.run_until_idle()
    assert mesh.dead_letters() == []
    assert len(mesh.published(Acted, sent)) == 1
    mesh.close()


# -- what is nobody's outcome ends the run --------------------------------------------------------------


def test_a_state_that_cannot_be_read_makes_no_dead_letter() -> None:
    mesh = pure("node_tally_reducer")
    with (
        patch.object(PartitionStore, "get", side_effect=StateStoreError("I/O error")),
        pytest.raises(StateStoreError),
    ):
        mesh.send(Amount(entity="e", value=1))
    assert mesh.dead_letters() == []
    mesh.close()


def test_a_state_that_cannot_be_read_ends_the_run_of_an_effect(effect: MeshDriver) -> None:
    with (
        patch.object(OutcomeBuilder, "call", side_effect=StateStoreError("I/O error")),
        pytest.raises(StateStoreError),
    ):
        effect.send(Act(entity="e"))
    assert effect.dead_letters() == []


def test_a_fault_of_the_engine_while_outcomes_are_made_ends_the_run(effect: MeshDriver) -> None:
    with patch.object(OutcomeBuilder, "successes", side_effect=ZeroDivisionError), pytest.raises(ZeroDivisionError):
        effect.send(Act(entity="e"))


def test_an_outcome_that_cannot_be_made_is_a_dead_letter(effect: MeshDriver) -> None:
    NodeUnrulyEffect.down.add("e")
    try:
        with patch("onex.agent.effect.retry_policy.RetryPlan.next_delay", side_effect=ZeroDivisionError):
            sent = effect.send(Act(entity="e"))
        assert effect.dead_letter_of(sent)[d.EXCEPTION] == "builtins.ZeroDivisionError"
    finally:
        NodeUnrulyEffect.down.clear()


def test_a_fault_while_records_are_taken_ends_the_run_of_the_host() -> None:
    engine, bus = Engine(BusySettlement()), memory_bus()

    def take(_: object) -> None:
        raise ZeroDivisionError

    engine.take = take  # type: ignore[method-assign]
    bus.broker.append("t", b"v", b"k", [], 0)
    with pytest.raises(ZeroDivisionError):
        run(engine, bus, lambda: False)
    assert engine.closed


def test_a_fault_of_the_engine_ends_the_run_of_the_host() -> None:
    engine = Engine(BusySettlement())
    engine.failure = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        run(engine, memory_bus(), lambda: False)


# -- a partition that one offset blocks -----------------------------------------------------------------


def test_a_partition_at_its_span_limit_names_the_offset_and_is_watched(
    effect: MeshDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onex.agent.effect.committer.MAX_SPAN", 20)
    monkeypatch.setattr("onex.agent.effect.span_complaints.MAX_SPAN", 20)
    partition = Partition("onex.cmd.unruly.act.v1", 0)
    for number in range(30):
        value = Act(entity=f"e{number}", mood="hang" if number == 3 else "good").model_dump_json().encode()
        effect.broker.append(partition.topic, value, b"e%d" % number, [], partition.partition)
    effect.run_until_idle()
    (reason,) = [text for about, text in effect.instances[0].health.reasons.items() if about.startswith("span")]
    assert reason == "blocked at offset 3: it has no outcome, and 20 offsets from there on are read"
    engine = host_of(effect).engine
    assert engine.partitions_to_pause == engine.waiting_partitions() == [partition]
    with patch.object(engine._runner, "_running", {}):  # nothing works on it: the watchdog has to act
        assert (engine.partitions_to_pause, engine.waiting_partitions()) == ([partition], [])
    effect.advance("60s")
    assert effect.instances[0].health.ready
    assert len(effect.published(Acted)) == 29


# -- memory ---------------------------------------------------------------------------------------------


class Short:
    """A handler that runs out of memory a number of times."""

    def __init__(self, times: int) -> None:
        self.left = times
        self.calls = 0

    def __call__(self) -> None:
        self.calls += 1
        if self.left:
            self.left -= 1
            raise MemoryError


@pytest.mark.parametrize(("times", "calls", "dead"), [(3, 4, 0), (99, 4, 1)])
def test_a_record_for_which_memory_was_short_is_tried_alone(
    monkeypatch: pytest.MonkeyPatch, times: int, calls: int, dead: int
) -> None:
    short, original = Short(times), NodeUnrulyCompute.compute

    def compute(self: NodeUnrulyCompute, request: Ask) -> list[Reply]:
        if request.entity == "large":
            short()
        return original(self, request)

    monkeypatch.setattr(NodeUnrulyCompute, "compute", compute)
    mesh = pure("node_unruly_compute")
    for entity in ("before", "large", "after"):
        mesh.broker.append("onex.cmd.unruly.ask.v1", b'{"entity": "%b"}' % entity.encode(), entity.encode(), [], 0)
    mesh.run_until_idle()
    assert "memory was short" in str(mesh.instances[0].health.reasons)
    for _ in range(10):
        mesh.advance("10s")
    assert {reply.entity for reply in mesh.published(Reply)} == {"before", "after", *([] if dead else ["large"])}
    assert (len(mesh.dead_letters()), short.calls) == (dead, calls)
    assert mesh.instances[0].health.ready
    mesh.close()


def test_memory_that_is_short_for_a_keyed_record_leaves_its_state_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    short, original = Short(99), NodeTallyReducer.reduce

    def reduce(self: NodeTallyReducer, state: Any, event: Amount, context: Context) -> Any:
        if event.value == 5:
            short()
        return original(self, state, event, context)

    monkeypatch.setattr(NodeTallyReducer, "reduce", reduce)
    mesh = pure("node_tally_reducer")
    for value in (1, 5, 2):
        mesh.send(Amount(entity="e", value=value), run=False)
    for _ in range(10):
        mesh.advance("10s")
    assert [tallied.total for tallied in mesh.published(Tallied)] == [1, 3]
    assert (len(mesh.dead_letters()), short.calls) == (1, 4)
    mesh.close()


def test_memory_that_is_short_for_a_timer_is_about_that_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    short, original = Short(99), NodeAlarmOrchestrator.decide

    def decide(
        self: NodeAlarmOrchestrator, state: AlarmState | None, event: SetAlarm | TimerFired, context: Context
    ) -> Decision[AlarmState]:
        if isinstance(event, TimerFired) and context.key == "large":
            short()
        return original(self, state, event, context)

    monkeypatch.setattr(NodeAlarmOrchestrator, "decide", decide)
    mesh = pure("node_alarm_orchestrator")
    for entity in ("a", "large", "z"):
        mesh.send(SetAlarm(entity=entity, after=1.0))
    for _ in range(5):
        mesh.advance("30s")
    assert sorted(rang.entity for rang in mesh.published(Rang)) == ["a", "z"]
    assert len(mesh.dead_letters()) == 1
    mesh.close()


@pytest.mark.parametrize(("times", "calls", "dead"), [(3, 4, 0), (99, 4, 1)])
def test_an_effect_for_which_memory_was_short_runs_alone(
    monkeypatch: pytest.MonkeyPatch, times: int, calls: int, dead: int
) -> None:
    short, company, running = Short(times), list[int](), 0

    async def act(self: NodeUnrulyEffect, command: Act, context: Context) -> Acted:
        nonlocal running
        running += 1
        try:
            if command.entity == "large":
                company.append(running)
                short()
            await asyncio.sleep(0.7)
            return Acted(entity=command.entity, number=0, attempt=context.attempt)
        finally:
            running -= 1

    monkeypatch.setattr(NodeUnrulyEffect, "act", act)
    mesh = MeshDriver([NODES / "node_unruly_effect" / "v1_0_0"])
    for number in range(15):
        mesh.send(Act(entity=f"e{number}"), run=False)
    mesh.send(Act(entity="large"), run=False)
    for number in range(15, 40):
        mesh.send(Act(entity=f"e{number}"), run=False)
    mesh.advance("60s")
    assert len(mesh.published(Acted)) == 41 - dead
    assert (len(mesh.dead_letters()), short.calls) == (dead, calls)
    assert company[1:] == [1] * (calls - 1)
    assert mesh.instances[0].health.ready
    mesh.close()


def test_what_cannot_be_decoded_for_now_is_decoded_later(effect: MeshDriver) -> None:
    decode, failing = Decoder.decode, [BusUnavailableError("no schema"), MemoryError()]

    def fails_at_first(self: Decoder, records: Any) -> Any:
        return [failing.pop(0)] * len(records) if failing and records else decode(self, records)

    with patch.object(Decoder, "decode", fails_at_first):
        effect.send(Act(entity="e"))
        effect.advance("10s")
    assert len(effect.published(Acted)) == 1
    assert effect.dead_letters() == []
