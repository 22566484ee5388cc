"""One timer for many calls: it cancels those that are late, and no others."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from onex.agent.effect.time_limit import TimeLimit
from onex.errors import HandlerTimeoutError
from onex.testing.clock import ManualClock, VirtualLoop

Scene = Callable[[TimeLimit], Awaitable[None]]


def play(scene: Scene, seconds: float = 10.0) -> None:
    """Run a scene in virtual time."""
    clock = ManualClock()
    loop = VirtualLoop(clock)
    try:
        playing = loop.create_task(_within(scene, TimeLimit(seconds)))
        while not playing.done():
            loop.run_ready()
            due = loop.next_timer()
            if due is None:
                break
            clock.move_to(due)
        playing.result()
    finally:
        loop.close()


async def _within(scene: Scene, limit: TimeLimit) -> None:
    await scene(limit)


def test_each_call_has_its_own_time() -> None:
    async def scene(limit: TimeLimit) -> None:
        now = asyncio.get_running_loop().time

        async def late(after: float) -> float:
            await asyncio.sleep(after)
            with pytest.raises(HandlerTimeoutError, match="longer than 10 s"):
                await limit.run(asyncio.sleep(3600))
            return now()

        async def in_time(after: float) -> str:
            await asyncio.sleep(after)
            return await limit.run(asyncio.sleep(9, "done"))

        ends = await asyncio.gather(late(0), in_time(1), late(4), in_time(5))
        assert list(ends) == [10, "done", 14, "done"]

    play(scene)


def test_no_timer_is_left_when_no_call_runs() -> None:
    async def scene(limit: TimeLimit) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        await limit.run(asyncio.sleep(1))
        assert loop.next_timer() is None

    play(scene)


def test_a_handler_that_returns_in_spite_of_the_limit_has_returned() -> None:
    async def stubborn() -> str:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            return "result"
        return ""

    async def scene(limit: TimeLimit) -> None:
        assert await limit.run(stubborn()) == "result"
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    play(scene)


def test_a_handlers_own_error_and_its_own_timeouts_pass() -> None:
    async def scene(limit: TimeLimit) -> None:
        async def failing() -> None:
            async with asyncio.timeout(1):
                await asyncio.sleep(3600)

        with pytest.raises(TimeoutError) as raised:
            await limit.run(failing())
        assert not isinstance(raised.value, HandlerTimeoutError)

    play(scene)


@pytest.mark.parametrize("after", [5.0, 10.0])
def test_a_task_that_is_cancelled_by_others_is_cancelled(after: float) -> None:
    async def scene(limit: TimeLimit) -> None:
        working = asyncio.ensure_future(limit.run(asyncio.sleep(3600)))
        await asyncio.sleep(after)
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working

    play(scene)
