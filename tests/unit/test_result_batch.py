"""Results of handlers, gathered by turns of the loop."""

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar
from typing import cast

from onex.agent.effect.outcome import Task
from onex.agent.effect.result_batch import HandlerResult, ResultBatch

_WHOSE: ContextVar[str] = ContextVar("whose", default="no message")


def test_results_of_one_turn_are_passed_on_together_outside_of_any_message() -> None:
    batches: list[tuple[list[object], str]] = []

    def on_results(results: Sequence[HandlerResult]) -> None:
        batches.append(([each.result for each in results], _WHOSE.get()))

    async def scene() -> None:
        batch = ResultBatch(on_results)

        async def handler(name: str) -> None:
            _WHOSE.set(name)
            batch.add(_result(name))

        await asyncio.gather(handler("a"), handler("b"))
        await asyncio.gather(handler("c"))

    asyncio.run(scene())
    assert batches == [(["a", "b"], "no message"), (["c"], "no message")]


def test_flushed_results_are_passed_on_once() -> None:
    batches: list[list[object]] = []

    async def scene() -> None:
        batch = ResultBatch(lambda results: batches.append([each.result for each in results]))
        batch.flush()
        batch.add(_result("a"))
        batch.flush()
        assert batches == [["a"]]
        await asyncio.sleep(0)

    asyncio.run(scene())
    assert batches == [["a"]]


def _result(name: str) -> HandlerResult:
    return HandlerResult(name, cast(Task, None), name, 0.0)
