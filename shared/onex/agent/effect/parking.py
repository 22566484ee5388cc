"""Waits of messages: the lane of a waiting message is parked, and its slot is free for another lane."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import TypeVar

from onex.agent.effect.lanes import Lanes
from onex.agent.effect.outcome import Task
from onex.errors import PoisonError
from onex.util.clock import ProtocolClock

T = TypeVar("T")
MAX_PARKED = 20_000
"""Messages that wait in memory for their next attempt, or behind one that does. At the limit, the next message that
fails goes to the retry topic."""
MAX_PARKED_BYTES = 64 * 1024 * 1024
"""The same limit in bytes of their keys, values and headers."""
MEMORY_WAIT = 1.0
"""Seconds before another try where memory was short; twice as many before each further try of a handler."""
_LOOK_AGAIN = 0.05


class Parking:
    """Parks the lanes of one instance. Lives on the event loop."""

    def __init__(self, lanes: Lanes[Task], clock: ProtocolClock, start: Callable[[], None]) -> None:
        """``start`` starts the messages for which there are slots."""
        self._lanes = lanes
        self._clock = clock
        self._start = start
        self._alone = asyncio.Lock()
        self.runs_alone = False
        """Whether a message for which memory was short runs alone, so that no other may start."""
        self.waiting: set[asyncio.Task[None]] = set()
        """Tasks of messages that only wait."""
        self._reading_stopped_until = 0.0

    def is_full(self, times: int = 1) -> bool:
        """Return whether ``times`` as much waits in memory as may wait there."""
        lanes = self._lanes
        return lanes.parked_items >= times * MAX_PARKED or lanes.parked_bytes >= times * MAX_PARKED_BYTES

    def stop_reading_for(self, seconds: float) -> None:
        """Have no input read for a while, because no message can be tried: a circuit is open, or memory is short."""
        self._reading_stopped_until = max(self._reading_stopped_until, self._clock.monotonic() + seconds)

    @property
    def is_reading_stopped(self) -> bool:
        """Whether no input may be read now."""
        return self._clock.monotonic() < self._reading_stopped_until

    async def sleep(self, lane: Hashable, seconds: float) -> None:
        """Wait without a slot. Later messages of the key stay behind in the lane."""
        await self.wait(lane, partial(asyncio.sleep, seconds))

    async def wait(self, lane: Hashable, wait: Callable[[], Awaitable[T]]) -> T:
        """Wait without a slot, for what ``wait`` returns."""
        task = this_task()
        self._lanes.park(lane)
        self.waiting.add(task)
        self._start()
        try:
            result = await wait()
        finally:
            self.waiting.discard(task)
            self._lanes.unpark(lane)
        self._start()  # the message runs again: where suspects are watched, the journal names it
        return result

    async def call_alone(self, lane: Hashable, call: Callable[[], Awaitable[T]], shortages: int) -> T:
        """Call a handler for which memory was short: after a wait, and while no other message is in its handler.

        ``shortages``: how often memory was short. Messages that only wait do not matter.
        """
        await self.sleep(lane, MEMORY_WAIT * 2 ** (shortages - 1))
        await self.wait(lane, self._alone.acquire)
        self.runs_alone = True
        try:
            while self._lanes.running > 1:
                await asyncio.sleep(_LOOK_AGAIN)
            return await call()
        finally:
            self.runs_alone = False
            self._alone.release()
            self._start()


def this_task() -> "asyncio.Task[None]":
    """Return the running task of a message."""
    task = asyncio.current_task()
    assert task is not None
    return task


def size_of(task: Task) -> int:
    """Return the bytes of a message as it came."""
    record = task.record
    size = len(record.key() or b"") + len(record.value() or b"")
    try:
        return size + sum(len(name) + len(value or b"") for name, value in record.headers() or ())
    except (UnicodeDecodeError, PoisonError):  # unreadable names: such a message is a dead letter and never waits
        return size
