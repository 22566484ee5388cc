"""The last steps of partitions that an effect releases: the same in a process and in the test driver.

The runner calls these coroutines inside the rebalance callback, for the partitions that the engine has adopted.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from onex.agent.effect.engine import EffectEngine
from onex.bus.protocols import Partition


async def release(
    engine: EffectEngine,
    partitions: Sequence[Partition],
    commit: Callable[[], Awaitable[object]],
    has_failed: Callable[[], bool],
    drain_timeout: float,
) -> None:
    """Release revoked partitions: wait for their handlers, commit the outcomes, and forget the partitions.

    Handlers have ``drain_timeout`` seconds, and further commits have the same time again. ``commit`` waits for a
    commit that has begun. No commit follows when ``has_failed`` returns True.
    """
    await engine.drain(partitions, drain_timeout)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + drain_timeout
    await commit()
    while not has_failed() and engine.committer.owes(partitions) and loop.time() < deadline:
        await commit()
    engine.abandon(partitions)


async def abandon(
    engine: EffectEngine, partitions: Sequence[Partition], no_commit_in_flight: Callable[[], Awaitable[None]]
) -> None:
    """Release lost partitions without a commit: they may be assigned to another instance already.

    The thread that polls joins the group again after this call, and a commit reads the generation late: a commit that
    began before must not be accepted for the next generation. ``no_commit_in_flight`` waits for it.
    """
    engine.abandon(partitions)
    await engine.drain(partitions, 0.0)
    await no_commit_in_flight()
