"""Steps of the start and calls of the bus that do not return end the process, by the monotonic clock alone."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest
import structlog

from onex.agent.process import agent_process as process
from onex.agent.process.instance_slot import take_instance_slot
from onex.agent.process.start_steps import StartSteps
from onex.agent.process.watchdog.call_watch import GIVEN_UP, LATE, CallWatch
from onex.agent.process.watchdog.watchdog import Watchdog
from onex.agent.telemetry.health import Health
from onex.agent.telemetry.metrics import AgentMetrics
from onex.bus.memory import MemoryBroker, MemoryEventBus
from onex.contract import resolve_node
from onex.errors import MissingTopicError
from onex.model.outgoing import BusHealth
from onex.settings import Settings
from onex.testing import ManualClock
from tests.conftest import NODES, eventually


@contextmanager
def watching(clock: ManualClock, health: Health) -> Iterator[CallWatch]:
    watch = CallWatch(StartSteps(clock, health, 120.0), clock)
    try:
        yield watch
    finally:
        watch.stop()


def pass_time(clock: ManualClock, watch: CallWatch, until: float) -> None:
    """As a process that runs sees it: with a look every second."""
    while clock.monotonic() < until:
        clock.move_to(clock.monotonic() + 1.0)
        watch.look()


@pytest.fixture
def codes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    found: list[int] = []
    monkeypatch.setattr(os, "_exit", found.append)
    return found


class Late:
    """A call that is late by a number of seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def overdue(self) -> float:
        return self.seconds


class Closing:
    """Clients that another thread closes meanwhile."""

    def overdue(self) -> float:
        raise AttributeError


def test_a_step_is_a_reason_by_name_while_it_lasts() -> None:
    health = Health()
    steps = StartSteps(ManualClock(), health, 120.0)
    with structlog.testing.capture_logs() as lines, steps.step("reading schemas"):
        assert health.snapshot() == {"step": "reading schemas"}
    assert health.ready
    assert [(line["event"], line["step"]) for line in lines] == [
        ("start step begins", "reading schemas"),
        ("start step ends", "reading schemas"),
    ]


def test_a_step_that_fails_is_over() -> None:
    health = Health()
    steps = StartSteps(ManualClock(), health, 120.0)
    with (
        structlog.testing.capture_logs() as lines,
        pytest.raises(ConnectionRefusedError),
        steps.step("starting the node"),
    ):
        raise ConnectionRefusedError
    assert health.ready
    assert steps.overdue() is None
    assert [line.get("completed") for line in lines] == [None, False]


def test_a_start_that_hangs_ends_the_process_and_blames_no_record(codes: list[int]) -> None:
    clock, excused = ManualClock(), list[bool]()
    with watching(clock, Health()) as watch:
        watch.excuse = lambda: excused.append(True)
        with structlog.testing.capture_logs() as lines, watch.steps.step("reading schemas"):
            pass_time(clock, watch, 119.0)
            assert codes == []
            clock.move_to(120.0)
            eventually(lambda: codes, what="the thread to end the process")
    assert set(codes) == {70}
    assert excused
    fatal = next(line for line in lines if line["log_level"] == "critical")
    assert (fatal["step"], fatal["seconds"]) == ("reading schemas", 120)


def test_each_step_has_its_own_time_and_what_follows_the_start_has_none(codes: list[int]) -> None:
    clock = ManualClock()
    with watching(clock, Health()) as watch:
        for at in (100.0, 200.0, 300.0):
            with watch.steps.step(f"until {at}"):
                pass_time(clock, watch, at)
        pass_time(clock, watch, 1000.0)
    assert codes == []


def test_a_wall_clock_that_jumps_changes_no_limit(codes: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock()
    with watching(clock, Health()) as watch, watch.steps.step("reading schemas"):
        for minutes in (50, -50):
            monkeypatch.setattr(clock, "now_ms", lambda minutes=minutes: minutes * 60_000)
            watch.look()
    assert codes == []


def test_a_call_that_outlasts_its_timeout_ends_the_process(codes: list[int]) -> None:
    excused: list[bool] = []
    with watching(ManualClock(), Health()) as watch:
        watch.excuse = lambda: excused.append(True)
        watch.look_at(Closing(), Late(0.0), Late(GIVEN_UP - 0.1))
        watch.look()
        assert codes == []
        watch.look_at(Closing(), Late(0.0), Late(GIVEN_UP))
        watch.look()
        assert set(codes) == {70}, "a call of one is seen though another one cannot be looked at"
        assert excused, "no record is to blame for a call of the bus"
        watch.look_at()
        codes.clear()
        watch.look()
    assert codes == []


def test_a_call_that_is_late_is_told_once_and_may_return(codes: list[int]) -> None:
    clock, call = ManualClock(), Late(LATE - 0.1)
    with watching(clock, Health()) as watch, structlog.testing.capture_logs() as lines:
        watch.look_at(call)
        watch.look()
        assert lines == []
        for call.seconds in (LATE, LATE + 1.0, 0.0, LATE):
            watch.look()
    assert codes == []
    assert [(line["event"], line["overdue"]) for line in lines] == [("a call of the bus is late", 3)] * 2


def test_clients_that_do_not_end_after_a_step_back_end_the_process(codes: list[int]) -> None:
    clock = ManualClock()
    with watching(clock, Health()) as watch, structlog.testing.capture_logs() as lines:
        watch.clients_must_end()
        pass_time(clock, watch, GIVEN_UP - 1.0)
        watch.clients_ended()
        pass_time(clock, watch, 100.0)
        assert codes == []
        watch.clients_must_end()
        pass_time(clock, watch, 100.0 + GIVEN_UP)
    assert set(codes) == {70}
    assert "clients of the bus do not end" in next(line["event"] for line in lines if line["log_level"] == "critical")


def test_a_process_that_was_stopped_gives_its_calls_time_to_return(codes: list[int]) -> None:
    clock = ManualClock()
    with watching(clock, Health()) as watch:
        watch.look_at(Late(30.0))
        clock.move_to(40.0)
        watch.look()
        pass_time(clock, watch, 39.0 + GIVEN_UP)
        assert codes == []
        pass_time(clock, watch, 40.0 + GIVEN_UP)
    assert codes, "one that still does not return"


class SilentBus(MemoryEventBus):
    """Brokers that do not answer until the test ends."""

    def __init__(self) -> None:
        super().__init__(MemoryBroker(lambda: 0))
        self.asked, self.released = Event(), Event()

    def health(self) -> BusHealth:
        self.asked.set()
        self.released.wait()
        return BusHealth(ok=False, detail="no answer")


def test_a_call_is_judged_while_brokers_are_asked(codes: list[int]) -> None:
    clock, health, bus = ManualClock(), Health(), SilentBus()
    clock.move_to(10.0)  # a question is due
    watchdog = Watchdog(60.0, clock, health, AgentMetrics("n"), lambda: None, lambda: bus, "g")
    try:
        with watching(clock, health) as watch:
            assert bus.asked.wait(20)
            watch.look_at(Late(GIVEN_UP))
            eventually(lambda: codes, what="the process to end")
    finally:
        watchdog.stop()
        bus.released.set()


def test_a_start_names_its_step_and_a_failed_one_leaves_only_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    health, seen = Health({"start": "starting"}), list[dict[str, str]]()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def check_topics(*_: object) -> None:
        seen.append(health.snapshot())
        raise MissingTopicError("missing topics: t")

    monkeypatch.setattr(process, "open_agent_bus", lambda *_: MemoryEventBus(MemoryBroker(lambda: 0)))
    monkeypatch.setattr(process, "check_topics", check_topics)
    settings = Settings(home=tmp_path, kafka_bootstrap_servers="127.0.0.1:1", heartbeat_interval=0)
    slot = take_instance_slot(tmp_path, "g", "")
    with watching(ManualClock(), health) as watch:
        node = resolve_node(NODES / "node_tally_reducer" / "v1_0_0")
        agent = process.AgentProcess(node, settings, slot, health, watch)
        try:
            with pytest.raises(MissingTopicError):
                agent._run_once()
        finally:
            agent._alarm.stop()
            agent._watchdog.stop()
            agent._server.close()
            slot.release()
            for number, handler in handlers.items():
                signal.signal(number, handler)
    assert seen == [{"start": "starting", "step": "checking topics"}]
    assert health.snapshot() == {"start": "starting"}
