"""MixinTimeout."""

import asyncio

import pytest
import structlog

from onex.errors import CallTimeoutError, DeadlineError
from onex.mixins.timeout import MixinTimeout, ModelTimeoutSubcontract
from onex.mixins.timeout.engine import TimeoutEngine
from onex.node import NodeEffect
from onex.testing.clock import ManualClock
from tests.mixins.helpers import FakeCurrentMessage, Note, refused_card
from tests.mixins.virtual import play


class Dependency:
    """A slow call with a slow cleanup."""

    def __init__(self, took: float, cleaning: float = 0.0, fails: Exception | None = None) -> None:
        self.took, self.cleaning, self.fails = took, cleaning, fails
        self.cleaned = False

    async def call(self) -> str:
        try:
            await asyncio.sleep(self.took)
        except asyncio.CancelledError:
            await asyncio.sleep(self.cleaning)
            self.cleaned = True
            if self.fails:
                raise self.fails from None
            raise
        return "done"


def limited(
    dependency: Dependency, name: str = "db", current: FakeCurrentMessage | None = None, **settings: object
) -> tuple[str, float]:
    """Return the outcome of a call, and when it ended."""
    clock = ManualClock()

    async def live() -> tuple[str, float]:
        engine = TimeoutEngine(
            ModelTimeoutSubcontract.model_validate(settings), current or FakeCurrentMessage(), clock
        )
        try:
            return await engine.call(name, dependency.call), clock.monotonic()
        except CallTimeoutError as error:
            return str(error), clock.monotonic()
        finally:
            await asyncio.sleep(100)

    return play(live(), clock)


@pytest.mark.enforces("timeout.timeout_seconds")
def test_a_call_that_takes_too_long_is_cancelled_and_cleans_up() -> None:
    assert limited(Dependency(1.0), timeout_seconds=2) == ("done", 1.0)
    late = Dependency(5.0, cleaning=0.5)
    assert limited(late, timeout_seconds=2) == ("db: no result within 2 s", 2.5)
    assert late.cleaned


@pytest.mark.enforces("timeout.cleanup_seconds")
def test_a_call_that_does_not_end_is_left_behind_and_logged() -> None:
    stubborn = Dependency(5.0, cleaning=9.0)
    with structlog.testing.capture_logs() as logs:
        assert limited(stubborn, timeout_seconds=2, cleanup_seconds=3) == ("db: no result within 2 s", 5.0)
    assert [entry["event"] for entry in logs] == ["a cancelled call does not end"]
    assert stubborn.cleaned, "it goes on by itself"


def test_a_failure_during_cleanup_is_logged() -> None:
    with structlog.testing.capture_logs() as logs:
        found = limited(Dependency(5.0, fails=KeyError("half done")), timeout_seconds=2)
    assert found == ("db: no result within 2 s", 2.0)
    assert logs[0]["error"] == "'half done'"
    with structlog.testing.capture_logs() as logs:
        limited(Dependency(5.0, fails=refused_card("4111 1111")), timeout_seconds=2)
    assert "4111" not in logs[0]["error"]


@pytest.mark.enforces("timeout.services", "timeout.services.name", "timeout.services.timeout_seconds")
def test_dependencies_have_limits_of_their_own() -> None:
    own = [{"name": "mail", "timeout_seconds": 1}]
    assert limited(Dependency(1.5), "mail", timeout_seconds=2, services=own)[0] == "mail: no result within 1 s"
    assert limited(Dependency(1.5), timeout_seconds=2, services=own) == ("done", 1.5)


def made(
    current: FakeCurrentMessage | None = None, clock: ManualClock | None = None, **settings: object
) -> TimeoutEngine:
    model = ModelTimeoutSubcontract.model_validate(settings)
    return TimeoutEngine(model, current or FakeCurrentMessage(), clock or ManualClock())


@pytest.mark.enforces("timeout.keep_deadline")
def test_no_call_goes_on_beyond_the_deadline_of_its_message() -> None:
    soon = FakeCurrentMessage(deadline_ms=ManualClock().now_ms() + 1500)
    assert limited(Dependency(5.0), current=soon) == ("db: no result within 1.5 s", 1.5)
    assert limited(Dependency(1.0), current=soon) == ("done", 1.0)
    past = FakeCurrentMessage(deadline_ms=ManualClock().now_ms() - 1)
    assert limited(Dependency(5.0), current=past) == ("db: no result within 0 s", 0.0)
    assert limited(Dependency(5.0), current=soon, keep_deadline=False) == ("done", 5.0)


@pytest.mark.enforces("timeout.refuse_late")
def test_a_message_after_its_deadline_is_refused() -> None:
    clock = ManualClock()
    late, soon = (
        FakeCurrentMessage(deadline_ms=clock.now_ms() - 2000),
        FakeCurrentMessage(deadline_ms=clock.now_ms() + 2000),
    )
    with pytest.raises(DeadlineError, match="Note: its deadline passed 2 s ago"):
        made(late, clock).check(Note(text="a"))
    for engine in (made(soon, clock), made(clock=clock), made(late, clock, refuse_late=False)):
        engine.check(Note(text="a"))
    assert (made(soon, clock).left(), made(clock=clock).left()) == (2.0, None)


def test_a_failure_comes_out_as_it_is() -> None:
    async def fail() -> str:
        raise KeyError("its own")

    async def live() -> None:
        with pytest.raises(KeyError, match="its own"):
            await made().call("db", fail)

    play(live())


def test_a_cancelled_caller_cancels_the_call() -> None:
    dependency = Dependency(100.0)

    async def live() -> None:
        calling = asyncio.create_task(made().call("db", dependency.call))
        await asyncio.sleep(1)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling

    play(live())
    assert dependency.cleaned


def test_a_node_bounds_its_calls() -> None:
    class Node(MixinTimeout, NodeEffect):
        pass

    assert play(Node().limits.call("db", Dependency(1.0).call)) == "done"


def test_reported_metrics() -> None:
    engine = made(timeout_seconds=1)
    with pytest.raises(CallTimeoutError):
        play(engine.call("db", Dependency(2.0).call))
    assert engine.reported_metrics() == {"timeouts": 1.0}
