"""Results that are returned again when the same work is asked for again."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

R = TypeVar("R")


class Remembered(Generic[R]):
    """The latest results by key, while the process runs."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._results: OrderedDict[str, R] = OrderedDict()
        self.repeated = 0
        """Calls that were answered by a remembered result."""

    async def once(self, key: str, work: Callable[[], Awaitable[R]]) -> R:
        """Return the result of this key, and run the work when there is none. An empty key always runs it."""
        if key and key in self._results:
            self.repeated += 1
            self._results.move_to_end(key)
            return self._results[key]
        result = await work()
        if key:
            self._results[key] = result
            while len(self._results) > self._most:
                self._results.popitem(last=False)
        return result
