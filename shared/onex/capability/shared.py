"""Resources that several nodes of one process share: a pool, a client. The last user closes them.

An asyncio resource belongs to the loop on which it was opened, so each loop of the process has its own.
"""

import asyncio
from asyncio import AbstractEventLoop, Lock
from collections.abc import Awaitable, Callable, Hashable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from threading import Lock as ThreadLock
from typing import Final, TypeVar, cast
from weakref import WeakKeyDictionary

R = TypeVar("R")


@dataclass(slots=True)
class _Shared:
    """One resource. ``close`` is None until it is open."""

    users: int = 0
    value: object = None
    close: Callable[[], Awaitable[None]] | None = None
    lock: Lock = field(default_factory=Lock)


class ProcessResources:
    """The open resources of a process, by loop and key. Each is used on its own loop only."""

    def __init__(self) -> None:
        self._of_loops: WeakKeyDictionary[AbstractEventLoop, dict[Hashable, _Shared]] = WeakKeyDictionary()
        self._guard = ThreadLock()

    def of_running_loop(self) -> dict[Hashable, _Shared]:
        """Return the resources of the running loop."""
        with self._guard:
            return self._of_loops.setdefault(asyncio.get_running_loop(), {})


OF_PROCESS: Final = ProcessResources()


class SharedResources:
    """The share of one container. What it has taken and not released is released when the container closes."""

    def __init__(self, process: ProcessResources = OF_PROCESS) -> None:
        self._process = process
        self._taken: list[tuple[dict[Hashable, _Shared], Hashable, _Shared]] = []

    async def get(self, key: Hashable, open: Callable[[], Awaitable[R]], close: Callable[[R], Awaitable[None]]) -> R:
        """Return the resource with this key. Open it when this loop has none; raise what ``open`` raises.

        ``key`` has the kind of the resource and all settings that ``open`` uses: equal keys share one resource. Keys
        are never logged, so they may hold secrets. Each ``get`` ends with :meth:`release`, or with the container.
        """
        resources = self._process.of_running_loop()
        shared = resources.setdefault(key, _Shared())
        shared.users += 1
        try:
            async with shared.lock:
                await _open_once(shared, open, close)
        except BaseException:
            _left(resources, key, shared)
            raise
        self._taken.append((resources, key, shared))
        return cast(R, shared.value)

    async def release(self, key: Hashable) -> None:
        """Give up one use. The last one closes the resource. A key that is not in use is ignored."""
        for index, (resources, taken, shared) in enumerate(self._taken):
            if taken == key:
                del self._taken[index]
                await _released(resources, key, shared)
                return

    async def close(self) -> None:
        """Release all, the latest first, even if some fail. Safe to call twice."""
        taken, self._taken = self._taken, []
        async with AsyncExitStack() as stack:
            for resources, key, shared in taken:
                stack.push_async_callback(_released, resources, key, shared)


async def _open_once(
    shared: _Shared, open: Callable[[], Awaitable[R]], close: Callable[[R], Awaitable[None]]
) -> None:
    if shared.close is not None:
        return
    value = shared.value = await open()
    shared.close = lambda: close(value)


async def _released(resources: dict[Hashable, _Shared], key: Hashable, shared: _Shared) -> None:
    if _left(resources, key, shared) and shared.close is not None:
        await shared.close()


def _left(resources: dict[Hashable, _Shared], key: Hashable, shared: _Shared) -> bool:
    """Count one user less. Return whether it was the last one: the next user of the key opens a new resource."""
    shared.users -= 1
    if shared.users:
        return False
    resources.pop(key)
    return True
