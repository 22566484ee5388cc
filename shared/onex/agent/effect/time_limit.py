"""One time limit for many calls, with one timer for all: a timer for each would cost a tenth of a call."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from onex.errors import HandlerTimeoutError

T = TypeVar("T")


class TimeLimit:
    """Cancels calls that take longer than ``seconds``. Lives on one event loop; a task awaits one call at a time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._due: dict[asyncio.Task[object], float] = {}
        """End of each running call by the loop's clock, in ascending order, because all limits are equal."""
        self._expired: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def run(self, call: Awaitable[T]) -> T:
        """Return the result of the call. Raise HandlerTimeoutError where the limit cancelled it."""
        task = asyncio.current_task()
        assert task is not None
        loop = task.get_loop()
        due = self._due[task] = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_at(due, self._expire)
        try:
            return await call
        except asyncio.CancelledError:
            if task in self._expired and task.cancelling() == 1:
                raise HandlerTimeoutError(f"handler took longer than {self._seconds:g} s") from None
            raise
        finally:
            self._end(task)

    def _end(self, task: "asyncio.Task[object]") -> None:
        if self._due.pop(task, None) is None and task in self._expired:
            self._expired.discard(task)
            task.uncancel()
        if not self._due and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        now = loop.time()
        for task, due in list(self._due.items()):
            if due > now:
                self._timer = loop.call_at(due, self._expire)
                return
            del self._due[task]
            self._expired.add(task)
            task.cancel()
