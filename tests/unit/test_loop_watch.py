"""A handler that blocks the event loop is named, with its line and for how long."""

import asyncio
import threading
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog
from prometheus_client import CollectorRegistry

from onex.agent.process.watchdog.loop_watch import PERIOD, LoopWatch
from onex.agent.telemetry.health import Health
from onex.agent.telemetry.metrics import AgentMetrics
from onex.testing.clock import ManualClock
from onex.util.clock import SystemClock
from tests.conftest import eventually
from tests.unit.blocking import handlers

_CODE = Path(handlers.__file__).parent


class _Scene:
    """A loop on a thread of its own; looks are made by the test, at times that the test says."""

    def __init__(self, folder: Path = _CODE) -> None:
        self.clock = ManualClock()
        self.health = Health()
        self.metrics = AgentMetrics("n", CollectorRegistry())
        self.loop = asyncio.new_event_loop()
        self._folder = folder
        self._blocks, self._goes_on = threading.Event(), threading.Event()

    @contextmanager
    def running(self, handler: Awaitable[None]) -> Iterator[LoopWatch]:
        """The handler is at work; at the end it goes on, and the loop ends."""
        made: list[LoopWatch] = []

        async def live() -> None:
            made.append(LoopWatch(self.loop, "n", self._folder, self.clock, self.health, self.metrics))
            made[0].look()
            await asyncio.sleep(0)
            made[0].look()  # the sign of life comes after the handler's turn
            await handler

        work = threading.Thread(target=lambda: self.loop.run_until_complete(live()))
        work.start()
        try:
            assert self._blocks.wait(10)
            yield made[0]
        finally:
            self._goes_on.set()
            work.join()
            self.loop.close()

    def pass_time(self, watch: LoopWatch, seconds: float) -> None:
        for _ in range(round(seconds / PERIOD)):
            self.clock.move_to(self.clock.monotonic() + PERIOD)
            watch.look()

    def block(self) -> None:
        self._blocks.set()
        assert self._goes_on.wait(10)

    def go_on(self, watch: LoopWatch) -> None:
        """The call ends, and the loop turns."""
        self._goes_on.set()
        eventually(lambda: watch._alive, 10, "the loop turns")
        watch._report_ended(self.clock.monotonic())

    def count(self, name: str) -> float:
        return self.metrics.registry.get_sample_value(name, {"node": "n"}) or 0.0


def test_a_call_that_holds_the_loop_is_reported_with_handler_line_and_duration() -> None:
    scene = _Scene()
    with structlog.testing.capture_logs() as logs, scene.running(handlers.charge_card(scene.block)) as watch:
        scene.pass_time(watch, 0.2)
        assert not logs
        scene.pass_time(watch, 0.8)
        scene.go_on(watch)
    (line,) = logs
    assert line["event"].startswith("a handler blocked the event loop")
    assert (line["node"], line["handler"], line["log_level"]) == ("n", "charge_card", "warning")
    assert line["line"].startswith("handlers.py:")
    assert line["line"].endswith(": block()")
    assert line["seconds"] == pytest.approx(1.0, abs=0.1)
    assert scene.count("onex_loop_blocked_total") == 1
    assert scene.count("onex_loop_blocked_seconds_total") == pytest.approx(1.0, abs=0.1)
    assert scene.health.ready


def test_a_call_that_lasts_makes_the_agent_unready_until_it_ends() -> None:
    scene = _Scene()
    with structlog.testing.capture_logs() as logs, scene.running(handlers.charge_card(scene.block)) as watch:
        scene.pass_time(watch, 6)
        assert "charge_card blocks the event loop at handlers.py:" in scene.health.snapshot()["loop"]
        assert [entry["event"] for entry in logs] == ["a handler blocks the event loop and has not returned"]
        scene.go_on(watch)
        assert scene.health.ready
    assert len(logs) == 1, "one line a minute for a handler"


def test_many_handlers_that_each_take_a_little_are_no_news() -> None:
    scene = _Scene()
    begun, may_end = ([threading.Event() for _ in range(20)] for _ in range(2))
    work = handlers.many(begun, may_end)
    scene._blocks = begun[0]
    with structlog.testing.capture_logs() as logs, scene.running(work) as watch:
        for there, step in zip(begun, may_end, strict=True):
            assert there.wait(10)
            scene.pass_time(watch, 0.1)
            step.set()
    assert not logs
    assert not scene.count("onex_loop_blocked_total")


def test_a_call_that_keeps_the_interpreters_lock_is_measured_from_when_it_was_looked_for() -> None:
    scene = _Scene()
    with structlog.testing.capture_logs() as logs, scene.running(handlers.charge_card(scene.block)) as watch:
        scene.clock.move_to(8)  # the watching thread could not look
        watch.look()
        scene.go_on(watch)
    assert [round(entry["seconds"]) for entry in logs] == [8]


def test_what_no_handler_does_is_not_reported_as_one() -> None:
    scene = _Scene(folder=_CODE / "elsewhere")
    with structlog.testing.capture_logs() as logs, scene.running(handlers.charge_card(scene.block)) as watch:
        scene.pass_time(watch, 10)
    assert not logs


def test_the_thread_sees_a_handler_that_blocks() -> None:
    metrics, health = AgentMetrics("n", CollectorRegistry()), Health()

    async def live() -> None:
        with LoopWatch(asyncio.get_running_loop(), "n", _CODE, SystemClock(), health, metrics) as watch:
            noticed = lambda: watch._call is not None and watch._call.line != ""  # noqa: E731
            await handlers.charge_card(lambda: eventually(noticed, 30, "the call is noticed"))
            while not metrics.registry.get_sample_value("onex_loop_blocked_total", {"node": "n"}):
                await asyncio.sleep(0)

    with structlog.testing.capture_logs() as logs:
        asyncio.run(asyncio.wait_for(live(), 60))
    assert [entry["handler"] for entry in logs] == ["charge_card"]
