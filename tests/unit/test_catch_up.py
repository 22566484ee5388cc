"""After an interruption, no timer fires before the inputs are done that arrived meanwhile."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import NoReturn

import pytest
import structlog
from node_alarm_orchestrator.v1_0_0.models import Rang, SetAlarm
from node_alarm_orchestrator.v1_0_0.node import NodeAlarmOrchestrator
from typing_extensions import override

from onex.agent.pure.catch_up import CatchUp
from onex.agent.pure.engine import PureEngine
from onex.agent.state.store_manager import StoreManager
from onex.bus.memory.adapter import MemoryReader
from onex.bus.protocols import Partition
from onex.capability.layer import ProtocolIntake
from onex.errors import BusError, FencedError
from onex.testing import MeshDriver
from onex.testing.instance import Instance
from tests.conftest import NODES
from tests.unit.test_pause import order

TOPIC = "onex.cmd.alarm.set-alarm.v1"


@pytest.fixture
def alarms() -> Iterator[MeshDriver]:
    driver = MeshDriver([NODES / "node_alarm_orchestrator" / "v1_0_0"])
    yield driver
    driver.close()


def engine_of(instance: Instance) -> PureEngine:
    engine = instance._runner
    assert isinstance(engine, PureEngine)
    return engine


def paused(alarms: MeshDriver) -> Instance:
    """Pause the node until the timer is due; its answer is in the topic."""
    (instance,) = alarms.instances
    instance.pause.set(order("node_alarm_orchestrator"))
    alarms.send(SetAlarm(entity="e", after=3600))
    alarms.advance("60s")
    instance.pause.set(None)
    return instance


def stalled(alarms: MeshDriver) -> Instance:
    """Stop the process until the timer is due; its answer is in the topic."""
    alarms.send(SetAlarm(entity="e", after=3600), run=False)
    alarms.clock.move_to(alarms.clock.monotonic() + 60)
    return alarms.instances[0]


def replaced(alarms: MeshDriver) -> Instance:
    """End the process, and start another one when the timer is due; its answer is in the topic."""
    alarms.crash(alarms.instances[0])
    alarms.send(SetAlarm(entity="e", after=3600), run=False)
    alarms.clock.move_to(alarms.clock.monotonic() + 60)
    return alarms.add_instance(NodeAlarmOrchestrator)


@pytest.mark.parametrize("interrupted", [paused, stalled, replaced])
def test_an_answer_that_came_during_an_interruption_is_read_before_its_timer_fires(
    interrupted: Callable[[MeshDriver], Instance], alarms: MeshDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the client needs to fetch the records, and when it stalls meanwhile."""
    alarms.send(SetAlarm(entity="e", after=5))
    instance = interrupted(alarms)
    engine = engine_of(instance)
    if interrupted is replaced:
        engine._consumer.batch(0, 0)  # takes the partitions, and reads nothing
    with monkeypatch.context() as slow:
        slow.setattr(engine._consumer, "batch", lambda *_: [])
        for _ in range(40):
            engine.step(0)
            alarms.clock.move_to(alarms.clock.monotonic() + 15)
    assert not alarms.published(Rang)
    alarms.run_until_idle()
    assert not alarms.published(Rang), "it was set again"
    alarms.advance("4200s")
    assert [rang.entity for rang in alarms.published(Rang)] == ["e"]


def test_an_answer_that_came_during_a_restore_is_read_before_its_timer_fires(
    alarms: MeshDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The restore outlasts the look at the ends that the partitions had when they were assigned."""
    alarms.send(SetAlarm(entity="e", after=5))
    alarms.crash(alarms.instances[0])
    engine = engine_of(alarms.add_instance(NodeAlarmOrchestrator))
    with monkeypatch.context() as slow:
        slow.setattr(StoreManager, "restore", lambda _: [])
        for _ in range(3):
            engine.step(0)
    alarms.send(SetAlarm(entity="e", after=3600), run=False)
    alarms.clock.move_to(alarms.clock.monotonic() + 1)
    with monkeypatch.context() as slow:
        slow.setattr(engine._consumer, "batch", lambda *_: [])
        for _ in range(10):
            alarms.clock.move_to(alarms.clock.monotonic() + 1)
            engine.step(0)
    alarms.run_until_idle()
    assert not alarms.published(Rang), "it was set again"


@pytest.mark.parametrize("is_blocked", [False, True])
def test_an_answer_that_came_while_a_partition_was_stopped_is_read_before_its_timer_fires(
    is_blocked: bool, alarms: MeshDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stall ends with its wait, and a block with the decision of an operator."""
    alarms.send(SetAlarm(entity="e", after=5))
    engine = engine_of(alarms.instances[0])
    (number,) = {record.partition() for record in alarms.records(TOPIC)}
    partition = Partition(TOPIC, number)
    if is_blocked:
        engine._blocked.block(partition, "a suspect")
    else:
        engine._blocked.stall([partition], BusError("no"))
    engine._consumer.pause([partition])
    alarms.send(SetAlarm(entity="e", after=3600), run=False)
    engine.step(0)
    alarms.clock.move_to(alarms.clock.monotonic() + 1)
    engine._blocked.unblock(partition)
    with monkeypatch.context() as slow:
        slow.setattr(engine._consumer, "batch", lambda *_: [])
        for _ in range(10):
            engine.step(0)
            alarms.clock.move_to(alarms.clock.monotonic() + 1)
    alarms.run_until_idle()
    assert not alarms.published(Rang), "it was set again"
    alarms.advance("4200s")
    assert [rang.entity for rang in alarms.published(Rang)] == ["e"]


class Limit(ProtocolIntake):
    """A capability that closes the intake while ``wait`` is not 0."""

    def __init__(self) -> None:
        self.wait = 0.0

    @override
    def available(self, most: int) -> int:
        return 0 if self.wait else most

    @override
    def took(self, count: int) -> None: ...

    @override
    def wait_seconds(self) -> float:
        return self.wait


@pytest.mark.parametrize("wait", [30.0, math.inf])
def test_an_answer_that_came_while_a_capability_had_the_intake_closed_is_read_before_its_timer_fires(
    wait: float, alarms: MeshDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As rate limiting closes it for a known time, and memory management until memory is free."""
    alarms.send(SetAlarm(entity="e", after=5))
    engine, clock, limit = engine_of(alarms.instances[0]), alarms.clock, Limit()
    engine._intake._limits._limits.append(limit)
    limit.wait = wait
    alarms.send(SetAlarm(entity="e", after=3600), run=False)
    for _ in range(3):
        clock.move_to(clock.monotonic() + 10)
        engine.step(0)
        expected = None if math.isinf(wait) else clock.now_ms() + 1000 * wait
        assert engine.next_timer_ms() == expected, "it is no busy loop"
    assert not alarms.published(Rang)
    limit.wait = 0.0
    with monkeypatch.context() as slow:
        slow.setattr(engine._consumer, "batch", lambda *_: [])
        for _ in range(10):
            engine.step(0)
            clock.move_to(clock.monotonic() + 1)
    alarms.run_until_idle()
    assert not alarms.published(Rang), "it was set again"
    alarms.advance("4200s")
    assert [rang.entity for rang in alarms.published(Rang)] == ["e"]


def test_an_intake_that_is_closed_after_each_message_holds_no_timer_for_ever(alarms: MeshDriver) -> None:
    """As by a rate limit, of a node that has always more to read."""
    alarms.send(SetAlarm(entity="e", after=5))
    engine, clock, limit = engine_of(alarms.instances[0]), alarms.clock, Limit()
    engine._intake._limits._limits.append(limit)
    for number in range(4):
        alarms.send(SetAlarm(entity=f"other-{number}", after=3600), run=False)
        for limit.wait in (3.0, 0.0):
            clock.move_to(clock.monotonic() + 3)
            engine.step(0)
    assert [rang.entity for rang in alarms.published(Rang)] == ["e"]


def test_interruptions_that_follow_one_another_release_timers_that_were_due_before(alarms: MeshDriver) -> None:
    """Each has new records to wait for, and none may have the timers of the last one wait longer."""
    partition, clock = Partition(TOPIC, 0), alarms.clock
    done = 0
    wait = CatchUp(alarms.bus, lambda: [partition], lambda _: done, lambda _: False, clock)
    started = clock.now_ms()
    wait.hold_all()
    for offset in range(3):
        alarms.broker.append(TOPIC, b"x", b"k", [], 0)
        wait.look([0])
        assert wait.released_ms(0, clock.now_ms()) == (-1 if offset == 0 else started + 1000 * (offset - 1))
        wait.hold_all()
        clock.move_to(clock.monotonic() + 1)
        done += 1
    wait.look([0])
    assert not wait.holds(0), "it has no other record"
    assert wait.released_ms(0, 7) == 7


def test_a_timer_waits_for_no_end_that_has_no_record(alarms: MeshDriver) -> None:
    """A transaction marker at an end is no record."""
    alarms.send(SetAlarm(entity="e", after=5))
    (instance,) = alarms.instances
    instance.pause.set(order("node_alarm_orchestrator"))
    (record,) = alarms.records(TOPIC)
    transaction = alarms.bus.transaction("another")
    transaction.begin()
    transaction.produce(TOPIC, record.value(), record.key(), [], record.partition())
    transaction.abort()
    alarms.advance("60s")
    instance.pause.set(None)
    alarms.run_until_idle()
    assert not alarms.published(Rang), "it is not known yet that no record follows"
    alarms.advance("2s")
    assert [rang.entity for rang in alarms.published(Rang)] == ["e"]


def test_stalls_that_follow_closely_hold_no_timer_for_ever(alarms: MeshDriver) -> None:
    """A starved machine stalls at each step. A transaction has left a marker at the end of the topic."""
    alarms.send(SetAlarm(entity="e", after=5))
    (record,) = alarms.records(TOPIC)
    transaction = alarms.bus.transaction("another")
    transaction.begin()
    transaction.produce(TOPIC, record.value(), record.key(), [], record.partition())
    transaction.abort()
    for _ in range(4):
        alarms.clock.move_to(alarms.clock.monotonic() + 30)
        alarms.instances[0].step()
    assert [rang.entity for rang in alarms.published(Rang)] == ["e"]


def test_a_partition_without_progress_is_examined_and_never_given_up(
    alarms: MeshDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    partitions = [Partition(TOPIC, number) for number in range(2)]
    for partition in partitions:
        alarms.broker.append(TOPIC, b"x", b"k", [], partition.partition)
    done, stopped, readers = dict.fromkeys(partitions, 0), set[Partition](), list[object]()
    read = alarms.bus.read

    def counted(positions: Mapping[Partition, int], ends: Mapping[Partition, int]) -> MemoryReader:
        readers.append(positions)
        return read(positions, ends)

    monkeypatch.setattr(alarms.bus, "read", counted)
    wait = CatchUp(alarms.bus, lambda: partitions, done.__getitem__, stopped.__contains__, alarms.clock)

    def look(after: float) -> list[bool]:
        alarms.clock.move_to(alarms.clock.monotonic() + after)
        wait.look([0, 1])
        return [wait.holds(0), wait.holds(1)]

    assert look(0) == [False, False], "no interruption"
    wait.hold(partitions)
    assert look(0) == [True, True]
    assert wait.looks_ms(0) == alarms.clock.now_ms() + 1000
    done[partitions[0]] = 1
    assert look(0) == [False, True]
    assert [look(60) for _ in range(9)] == [[False, True]] * 9
    assert len(readers) == 9
    stopped.add(partitions[1])
    assert look(60) == [False, True]
    assert wait.looks_ms(1) is None
    assert len(readers) == 9, "a stopped partition is not examined"
    stopped.clear()
    alarms.broker.logs[partitions[1]].records.clear()
    assert look(60) == [False, False], "its records are gone"
    wait.hold(partitions)
    assert wait.looks_ms(1) == alarms.clock.now_ms()
    stopped.add(partitions[1])
    assert look(0) == [False, True], "its end is looked up when it continues"
    assert wait.looks_ms(1) is None
    wait.forget(partitions[0])
    assert [wait.holds(0), wait.holds(1)] == [False, True]
    wait.close()


@pytest.mark.parametrize("fails", ["stable_ends", "read", "batch"])
def test_timers_wait_while_ends_cannot_be_read_and_the_engine_continues(
    fails: str, alarms: MeshDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests are a second apart, and one line is logged."""
    alarms.send(SetAlarm(entity="e", after=5))
    (record,) = alarms.records(TOPIC)
    transaction = alarms.bus.transaction("another")  # its marker leaves no record at the end
    transaction.begin()
    transaction.produce(TOPIC, record.value(), record.key(), [], record.partition())
    transaction.abort()
    clock, tries = alarms.clock, 0
    clock.move_to(clock.monotonic() + 60)

    def away(*_: object) -> NoReturn:
        nonlocal tries
        tries += 1
        raise BusError("away")

    number = record.partition()
    engine = engine_of(alarms.instances[0])
    owner = {"stable_ends": type(alarms.bus.admin), "read": type(alarms.bus), "batch": MemoryReader}[fails]
    with monkeypatch.context() as patch, structlog.testing.capture_logs() as logs:
        patch.setattr(owner, fails, away)
        for _ in range(5):
            engine.step(0)
            clock.move_to(clock.monotonic() + 1.5)
        assert tries >= 3
        engine.step(0)
        assert engine._catch_up.looks_ms(number) == clock.now_ms() + 1000
        before = tries
        engine.step(0)
        assert tries == before, "it is no busy loop"
    assert [line["log_level"] for line in logs] == ["warning"]
    assert not alarms.published(Rang)
    for _ in range(3):
        clock.move_to(clock.monotonic() + 1)
        engine.step(0)
    assert [rang.entity for rang in alarms.published(Rang)] == ["e"]


def test_an_instance_that_is_fenced_while_it_looks_for_inputs_ends(
    alarms: MeshDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fenced(*_: object) -> NoReturn:
        raise FencedError("another instance")

    alarms.send(SetAlarm(entity="e", after=5))
    monkeypatch.setattr(type(alarms.bus.admin), "stable_ends", fenced)
    with pytest.raises(FencedError):
        engine_of(stalled(alarms)).step(0)


def test_time_that_passes_in_a_batch_is_no_stall(alarms: MeshDriver) -> None:
    """Slow handlers would have all timers wait for ever."""
    partition = Partition(TOPIC, 0)
    wait = CatchUp(alarms.bus, lambda: [partition], lambda _: 0, lambda _: False, alarms.clock)
    wait.read()
    alarms.clock.move_to(alarms.clock.monotonic() + 60)
    wait.worked()
    wait.read()
    assert not wait.holds(0)
    alarms.clock.move_to(alarms.clock.monotonic() + 60)
    wait.read()
    assert wait.holds(0)
