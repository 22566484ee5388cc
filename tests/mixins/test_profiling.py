"""MixinProfiling."""

import asyncio
import time

import pytest

from onex.capability import BatchFacts, Reports
from onex.mixins.profiling import MixinProfiling, ModelProfilingSubcontract, SectionFacts
from onex.mixins.profiling.engine import ProfilingEngine
from onex.model.context import Context
from onex.model.message import Message
from onex.node import NodeEffect
from onex.testing.clock import ManualClock
from tests.mixins.helpers import Note, container, context
from tests.mixins.virtual import play


class Profiled:
    def __init__(self, chance: float = 1.0, **settings: object) -> None:
        self.clock = ManualClock()
        self.told: list[tuple[str, str]] = []
        model = ModelProfilingSubcontract.model_validate(settings)
        self.engine = ProfilingEngine(model, self.clock, lambda *told: self.told.append(told), lambda: chance)

    def call(self, *took: float) -> None:
        async def live() -> None:
            for number, seconds in enumerate(took):

                async def handler(message: Message, context: Context, seconds: float = seconds) -> str:
                    await asyncio.sleep(seconds)
                    return "done"

                found = await self.engine.around(Note(text="x"), context(f"k-{number}"), handler)
                assert found == "done"

        play(live(), self.clock)


@pytest.mark.enforces("profiling.slow_call_seconds", "profiling.keep")
def test_slow_calls_are_reported_and_the_slowest_are_stored() -> None:
    found = Profiled(slow_call_seconds=2, keep=2)
    found.call(1.0, 3.0, 2.0, 2.5)
    assert [(call.key, call.seconds) for call in found.engine.slowest()] == [("k-1", 3.0), ("k-3", 2.5)]
    assert found.told == [("Note", "key 'k-1' took 3 s"), ("Note", "key 'k-3' took 2.5 s")]
    assert found.engine.reported_metrics() == {"slow": 2.0, "slowest": 3.0}
    assert found.engine.slowest()[0].stacks == ""


def test_a_call_that_fails_is_measured_too() -> None:
    found = Profiled()

    async def fail(message: Message, context: Context) -> object:
        raise KeyError

    with pytest.raises(KeyError):
        play(found.engine.around(Note(text="x"), context(), fail))
    assert len(found.engine.slowest()) == 1
    assert Profiled().engine.reported_metrics() == {"slow": 0.0, "slowest": 0.0}


def test_batches_are_reported_by_their_average() -> None:
    found = Profiled(slow_call_seconds=0.1)
    found.engine.observed(BatchFacts(10, 10, [], 0.9))
    found.engine.observed(BatchFacts(0, 0, [], 9.0))
    assert found.told == []
    found.engine.observed(BatchFacts(10, 10, [], 1.1))
    assert found.told == [("batch", "10 messages took 0.11 s each")]


def test_sections_add_up() -> None:
    found = Profiled()
    for took in (1.0, 3.0):
        with found.engine.section("render"):
            found.clock.move_to(found.clock.monotonic() + took)
    with pytest.raises(KeyError), found.engine.section("write"):
        raise KeyError
    assert found.engine.sections() == {"render": SectionFacts(2, 4.0, 3.0), "write": SectionFacts(1, 0.0, 0.0)}
    assert list(found.engine.sections()) == ["render", "write"]


@pytest.mark.enforces("profiling.sample_share", "profiling.interval_seconds")
def test_stacks_of_some_calls() -> None:
    async def busy(message: Message, context: Context) -> None:
        until = time.perf_counter() + 0.05
        while time.perf_counter() < until:
            sum(range(1000))

    looks = {}
    for interval in (0.001, 0.5):
        found = Profiled(chance=0.4, sample_share=0.5, interval_seconds=interval)
        asyncio.run(_call(found, busy))
        (call,) = found.engine.slowest()
        looks[interval] = "busy" in call.stacks
    assert looks == {0.001: True, 0.5: False}
    left_out = Profiled(chance=0.5, sample_share=0.5)
    left_out.call(1.0)
    assert left_out.engine.slowest()[0].stacks == ""


async def _call(found: Profiled, handler: object) -> None:
    await found.engine.around(Note(text="x"), context(), handler)  # type: ignore[arg-type]  # it is one


@pytest.mark.enforces("profiling.enabled")
def test_switched_off_it_measures_nothing() -> None:
    found = Profiled(enabled=False, slow_call_seconds=0.1)
    found.call(1.0)
    found.engine.observed(BatchFacts(1, 1, [], 9.0))
    with found.engine.section("render"):
        pass
    assert (found.engine.slowest(), found.engine.sections(), found.told) == ((), {}, [])


def test_a_node_reports_to_the_mesh() -> None:
    class Node(MixinProfiling, NodeEffect):
        pass

    node = Node()
    node.container = container()
    assert isinstance(node.profiler, ProfilingEngine)
    node.profiler.observed(BatchFacts(1, 1, [], 9.0))
    (report,) = node.container.get(Reports).take()
    assert (report.capability, report.subject, report.event) == ("profiling", "batch", "slow")
