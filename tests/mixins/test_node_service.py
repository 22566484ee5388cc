"""MixinNodeService."""

import asyncio
from functools import partial

import pytest
import structlog

from onex.capability import BatchFacts
from onex.errors import CompositionError, TransientError
from onex.mixins.node_service import EnumServiceState, MixinNodeService, ModelNodeServiceSubcontract
from onex.mixins.node_service.engine import NodeServiceEngine
from onex.model.context import Context
from onex.model.message import Message
from onex.node import NodeCompute
from onex.testing.clock import ManualClock
from tests.mixins.helpers import IDENTITY, Note, container, context
from tests.mixins.virtual import play


class Life:
    def __init__(self, **settings: object) -> None:
        self.clock = ManualClock()
        self.said: list[str] = []
        self.engine = NodeServiceEngine(ModelNodeServiceSubcontract.model_validate(settings), IDENTITY, self.clock)

    @property
    def state(self) -> EnumServiceState:
        return self.engine.facts().state

    async def step(self, name: str, took: float = 0.0, fails: Exception | None = None) -> None:
        await asyncio.sleep(took)
        if fails:
            raise fails
        self.said.append(f"{name} while {self.state}")


def test_steps_are_done_in_order_and_undone_in_reverse() -> None:
    life = Life()
    for name in ("one", "two"):
        life.engine.on_start(partial(life.step, f"start {name}"))
        life.engine.on_stop(partial(life.step, f"stop {name}"))

    async def live() -> None:
        assert life.state == "created"
        await life.engine.close()
        await life.engine.open()
        assert life.state == "running"
        with pytest.raises(CompositionError, match="the node is running"):
            life.engine.on_start(lambda: life.step("late"))
        await asyncio.sleep(5)
        facts = life.engine.facts()
        assert (facts.name, facts.version, facts.instance, facts.uptime_seconds) == (
            *("node_a_effect", "1.0.0"),
            "a-1",
            5.0,
        )
        await life.engine.close()
        await life.engine.close()
        assert (life.state, life.engine.facts().uptime_seconds) == (EnumServiceState.STOPPED, 0.0)

    play(live(), life.clock)
    assert life.said == [
        "start one while starting",
        "start two while starting",
        "stop two while stopping",
        "stop one while stopping",
    ]


@pytest.mark.enforces("node_service.start_timeout_seconds")
def test_a_start_ends() -> None:
    life = Life(start_timeout_seconds=2)
    life.engine.on_start(lambda: life.step("slow", took=3))
    with pytest.raises(TransientError, match="did not end within 2 s"):
        play(life.engine.open(), life.clock)
    failing = Life()
    failing.engine.on_start(lambda: failing.step("late", fails=TimeoutError("its own")))
    with pytest.raises(TimeoutError, match="its own"):
        play(failing.engine.open(), failing.clock)


@pytest.mark.enforces("node_service.stop_timeout_seconds")
def test_an_end_ends_and_every_step_is_tried() -> None:
    life = Life(stop_timeout_seconds=2)
    life.engine.on_stop(lambda: life.step("first"))
    life.engine.on_stop(lambda: life.step("slow", took=3))
    life.engine.on_stop(lambda: life.step("bad", fails=KeyError("gone")))

    async def live() -> float:
        await life.engine.open()
        start = life.clock.monotonic()
        await life.engine.close()
        return life.clock.monotonic() - start

    with structlog.testing.capture_logs() as logs:
        assert play(live(), life.clock) == 2.0
    assert life.said == ["first while stopping"]
    assert [entry["error"] for entry in logs] == ["'gone'", "TimeoutError"]


@pytest.mark.enforces("node_service.refuse_when_stopping")
@pytest.mark.parametrize("refuses", [True, False])
def test_stopping(refuses: bool) -> None:
    life = Life(refuse_when_stopping=refuses)

    async def handler(message: Message, context: Context) -> str:
        return "done"

    async def late() -> None:
        if refuses:
            with pytest.raises(TransientError, match="node_a_effect is stopping"):
                await life.engine.around(Note(text="a"), context(), handler)
        else:
            assert await life.engine.around(Note(text="a"), context(), handler) == "done"
        life.said.append("asked")

    life.engine.on_stop(late)

    async def live() -> None:
        await life.engine.open()
        await life.engine.close()

    play(live(), life.clock)
    assert life.said == ["asked"]


def test_messages_are_counted() -> None:
    life = Life()

    async def handler(message: Message, context: Context) -> str:
        assert life.engine.facts().in_flight == 1
        if context.key == "bad":
            raise KeyError
        return "done"

    async def live() -> None:
        await life.engine.open()
        await life.engine.around(Note(text="a"), context(), handler)
        with pytest.raises(KeyError):
            await life.engine.around(Note(text="a"), context("bad"), handler)

    play(live(), life.clock)
    life.engine.observed(BatchFacts(10, 8, ["bug", "rejected"], 0.1))
    reported = {"handled": 12.0, "failed": 3.0, "in_flight": 0.0, "uptime_seconds": 0.0}
    assert life.engine.reported_metrics() == reported


def test_a_node_of_any_kind_has_a_life() -> None:
    class Node(MixinNodeService, NodeCompute[Note, Note]):
        pass

    node = Node()
    node.container = container()
    assert node.service.facts().name == "node_a_effect"
