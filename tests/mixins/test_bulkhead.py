"""MixinBulkhead."""

import asyncio
from contextlib import suppress

import pytest

from onex.errors import BulkheadFullError
from onex.mixins.bulkhead import MixinBulkhead, ModelBulkheadSubcontract
from onex.mixins.bulkhead.engine import BulkheadEngine
from onex.node import NodeEffect
from onex.testing.clock import ManualClock
from tests.mixins.virtual import play


def race(count: int, took: float, *, of: str = "db", **settings: object) -> list[tuple[str, float]]:
    """Return the outcomes of concurrent calls, and when they ended."""
    clock = ManualClock()

    async def live() -> list[tuple[str, float]]:
        compartment = BulkheadEngine(ModelBulkheadSubcontract.model_validate(settings)).of(of)

        async def call() -> tuple[str, float]:
            async def work() -> str:
                await asyncio.sleep(took)
                return "done"

            try:
                return await compartment.call(work), clock.monotonic()
            except BulkheadFullError as error:
                return str(error), clock.monotonic()

        found = await asyncio.gather(*(call() for _ in range(count)))
        assert (compartment.running, compartment.waiting) == (0, 0)
        return found

    return play(live(), clock)


@pytest.mark.enforces("bulkhead.max_concurrent")
@pytest.mark.parametrize(("places", "ends"), [(1, [1, 2, 3, 4]), (2, [1, 1, 2, 2])])
def test_concurrent_calls_are_limited_and_others_wait_in_order(places: int, ends: list[float]) -> None:
    assert race(4, 1.0, max_concurrent=places) == [("done", end) for end in ends]


@pytest.mark.enforces("bulkhead.max_waiting")
def test_a_call_beyond_the_limit_is_refused_immediately() -> None:
    refused = ("db: 1 calls in progress, 1 wait", 0.0)
    assert race(3, 1.0, max_concurrent=1, max_waiting=1) == [("done", 1.0), ("done", 2.0), refused]
    assert race(2, 1.0, max_concurrent=1, max_waiting=0)[1] == ("db: 1 calls in progress, 0 wait", 0.0)


@pytest.mark.enforces("bulkhead.max_wait_seconds")
def test_no_caller_waits_forever() -> None:
    assert race(2, 9.0, max_concurrent=1, max_wait_seconds=3.0)[1] == ("db: no free slot within 3 s", 3.0)


@pytest.mark.enforces("bulkhead.services", "bulkhead.services.name", "bulkhead.services.max_concurrent")
def test_dependencies_have_places_of_their_own() -> None:
    own = [{"name": "mail", "max_concurrent": 1}]
    assert race(2, 1.0, of="mail", max_concurrent=2, services=own) == [("done", 1.0), ("done", 2.0)]
    assert race(2, 1.0, max_concurrent=2, services=own) == [("done", 1.0), ("done", 1.0)]


def test_a_slot_is_released_after_every_outcome() -> None:
    async def live() -> None:
        compartment = BulkheadEngine(ModelBulkheadSubcontract(max_concurrent=1)).of("db")
        with suppress(KeyError):
            async with compartment.slot():
                assert compartment.running == 1
                raise KeyError
        assert compartment.running == 0
        running = asyncio.create_task(compartment.call(lambda: asyncio.sleep(100)))
        await asyncio.sleep(0)
        waiting = asyncio.create_task(compartment.call(lambda: asyncio.sleep(100)))
        await asyncio.sleep(0)
        assert (compartment.running, compartment.waiting) == (1, 1)
        for task in (waiting, running):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        async with compartment.slot():
            assert (compartment.running, compartment.waiting) == (1, 0)

    play(live())


def test_reported_metrics() -> None:
    async def live() -> None:
        engine = BulkheadEngine(ModelBulkheadSubcontract(max_concurrent=1, max_waiting=0))
        async with engine.of("db").slot():
            assert engine.reported_metrics() == {"running": 1.0, "waiting": 0.0, "refused": 0.0}
            with suppress(BulkheadFullError):
                await engine.of("db").call(lambda: asyncio.sleep(1))
        assert engine.reported_metrics() == {"running": 0.0, "waiting": 0.0, "refused": 1.0}

    play(live())


def test_a_node_shares_a_compartment_among_its_handlers() -> None:
    class Node(MixinBulkhead, NodeEffect):
        pass

    async def live() -> None:
        node = Node()
        assert node.bulkhead.of("db") is node.bulkhead.of("db")
        assert node.bulkhead.of("db") is not node.bulkhead.of("mail")

    play(live())
