"""Answers of handlers, gathered by turns of the loop."""

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar
from typing import cast

from onex.agent.effect.outcome import Task
from onex.agent.effect.result_batch import HandlerResult, ResultBatch

_WHOSE: ContextVar[str] = ContextVar("whose", default="nobody")


def test_answers_of_one_turn_go_on_together_and_in_nobodys_name() -> None:
    handed: list[tuple[list[object], str]] = []

    def hand_on(group: Sequence[HandlerResult]) -> None:
        handed.append(([one.answer for one in group], _WHOSE.get()))

    async def scene() -> None:
        group = ResultBatch(hand_on)

        async def handler(name: str) -> None:
            _WHOSE.set(name)
            group.add(_answer(name))

        await asyncio.gather(handler("a"), handler("b"))
        await asyncio.gather(handler("c"))

    asyncio.run(scene())
    assert handed == [(["a", "b"], "nobody"), (["c"], "nobody")]


def test_what_is_flushed_goes_on_once() -> None:
    handed: list[list[object]] = []

    async def scene() -> None:
        group = ResultBatch(lambda answered: handed.append([one.answer for one in answered]))
        group.flush()
        group.add(_answer("a"))
        group.flush()
        assert handed == [["a"]]
        await asyncio.sleep(0)

    asyncio.run(scene())
    assert handed == [["a"]]


def _answer(name: str) -> HandlerResult:
    return HandlerResult(name, cast(Task, None), name, 0.0)
