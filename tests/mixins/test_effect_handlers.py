"""MixinEffectHandlers."""

import asyncio

import pytest

from onex.errors import CallTimeoutError, CompositionError, RejectedError
from onex.mixins.effect_handlers import MixinEffectHandlers, ModelEffectHandlerSubcontract
from onex.mixins.effect_handlers.engine import EffectHandlersEngine
from onex.node import NodeEffect
from onex.testing.clock import ManualClock
from tests.mixins.virtual import play

SAID: list[str] = []


class Resize:
    """A handler with a lifecycle."""

    def __init__(self) -> None:
        SAID.append("made")

    async def open(self) -> None:
        SAID.append("open")

    async def handle(self, payload: object) -> object:
        if isinstance(payload, float):
            await asyncio.sleep(payload)
        if isinstance(payload, Exception):
            raise payload
        return f"resized {payload}"

    async def close(self) -> None:
        SAID.append("closed")


class Bare:
    """A handler without a lifecycle."""

    async def handle(self, payload: object) -> object:
        return payload


class Wrong:
    def handle(self, payload: object) -> object:
        return payload


@pytest.fixture(autouse=True)
def _silence() -> None:
    SAID.clear()


def made(clock: ManualClock | None = None, **settings: object) -> EffectHandlersEngine:
    engine = EffectHandlersEngine(ModelEffectHandlerSubcontract.model_validate(settings), clock or ManualClock())
    engine.register("resize", Resize)
    return engine


def test_a_handler_for_each_kind() -> None:
    async def live() -> None:
        engine = made()
        await engine.open()
        engine.register("copy", Bare)
        assert engine.kinds == ["copy", "resize"]
        assert await engine.dispatch("resize", "a") == "resized a"
        assert await engine.dispatch("copy", "a") == "a"
        with pytest.raises(RejectedError, match="no handler of 'turn'; there are copy, resize"):
            await engine.dispatch("turn", "a")
        with pytest.raises(KeyError):
            await engine.dispatch("resize", KeyError())
        with pytest.raises(CompositionError, match="'copy' has a handler already"):
            engine.register("copy", Bare)
        assert engine.reported_metrics() == {"calls": 3.0, "failed": 1.0, "kept": 2.0}
        await engine.close()
        await engine.close()
        assert SAID == ["made", "open", "closed"]

    play(live())


@pytest.mark.enforces("effect_handlers.enable_handler_registry")
def test_without_a_registry_every_effect_is_refused() -> None:
    engine = EffectHandlersEngine(ModelEffectHandlerSubcontract(enable_handler_registry=False), ManualClock())
    with pytest.raises(CompositionError, match="while enable_handler_registry is false"):
        engine.register("resize", Resize)
    with pytest.raises(RejectedError, match="there are none"):
        play(engine.dispatch("resize", "a"))


@pytest.mark.enforces("effect_handlers.enable_handler_validation")
def test_other_objects_are_refused_as_handlers() -> None:
    strict, loose = made(), made(enable_handler_validation=False)
    for engine in (strict, loose):
        engine.register("wrong", Wrong)  # type: ignore[arg-type]  # that is what is tested
        engine.register("nothing", object)  # type: ignore[arg-type]
    for kind in ("wrong", "nothing"):
        with pytest.raises(CompositionError, match=f"the handler of '{kind}' has no"):
            play(strict.dispatch(kind, "a"))
    with pytest.raises(TypeError):
        play(loose.dispatch("wrong", "a"))


@pytest.mark.enforces("effect_handlers.enable_handler_caching", "effect_handlers.handler_cache_ttl_seconds")
def test_handlers_are_cached() -> None:
    clock = ManualClock()

    async def live() -> None:
        engine = made(clock, handler_cache_ttl_seconds=10)
        await engine.dispatch("resize", "a")
        await engine.dispatch("resize", "b")
        assert SAID == ["made", "open"]
        clock.move_to(clock.monotonic() + 11)
        await engine.dispatch("resize", "c")
        assert SAID == ["made", "open", "made", "open", "closed"]
        SAID.clear()
        each = made(clock, enable_handler_caching=False)
        for _ in range(2):
            await each.dispatch("resize", "a")
        assert SAID == ["made", "open", "closed"] * 2

    play(live(), clock)


def test_one_that_is_at_work_is_closed_afterwards() -> None:
    clock = ManualClock()

    async def live() -> None:
        engine = made(clock, handler_cache_ttl_seconds=10)
        working = [asyncio.create_task(engine.dispatch("resize", took)) for took in (15.0, 16.0)]
        await asyncio.sleep(11)
        await engine.dispatch("resize", "b")
        assert SAID == ["made", "open", "made", "open"]
        await working[0]
        assert "closed" not in SAID
        await working[1]
        assert SAID[-1] == "closed"

    play(live(), clock)


@pytest.mark.enforces("effect_handlers.enable_handler_lifecycle")
def test_a_life_may_be_left_out() -> None:
    async def live() -> None:
        engine = made(enable_handler_lifecycle=False)
        await engine.dispatch("resize", "a")
        await engine.close()
        assert SAID == ["made"]

    play(live())


@pytest.mark.enforces("effect_handlers.max_concurrent_handlers")
def test_concurrent_sends_are_limited() -> None:
    clock = ManualClock()

    async def live() -> float:
        engine = made(clock, max_concurrent_handlers=2)
        start = clock.monotonic()
        await asyncio.gather(*(engine.dispatch("resize", 1.0) for _ in range(4)))
        return clock.monotonic() - start

    assert play(live(), clock) == 2.0


@pytest.mark.enforces("effect_handlers.handler_timeout_ms")
def test_a_call_ends() -> None:
    with pytest.raises(CallTimeoutError, match="the handler of 'resize' did not end within 2 s"):
        play(made(handler_timeout_ms=2000).dispatch("resize", 3.0))
    with pytest.raises(TimeoutError, match="its own"):
        play(made().dispatch("resize", TimeoutError("its own")))


def test_a_node_has_handlers() -> None:
    class Node(MixinEffectHandlers, NodeEffect):
        pass

    node = Node()
    node.effects.register("copy", Bare)
    assert play(node.effects.dispatch("copy", "a")) == "a"
