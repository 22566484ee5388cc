"""Key-ordered lanes: many messages at once, never two of one key. Plain data; knows no clock and no loop."""

from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Lanes(Generic[T]):
    """Items of one lane run one after the other; at most ``concurrency`` run in all lanes together.

    A lane whose item waits for a retry is *parked*: it keeps its order but not its place, so other
    lanes go on.
    """

    def __init__(self, concurrency: int) -> None:
        self._concurrency = concurrency
        self._waiting: dict[Hashable, deque[T]] = {}
        """Every busy lane, with what queues behind the item in work."""
        self._ready: deque[tuple[Hashable, T]] = deque()
        self._parked: set[Hashable] = set()
        self._running = 0
        self.size = 0
        """Items added and not finished."""
        self.blocked = 0
        """Those of them in parked lanes: the parked item and what queues behind it."""

    @property
    def running(self) -> int:
        """Items in work and not parked."""
        return self._running

    @property
    def parked(self) -> int:
        """Lanes whose item waits."""
        return len(self._parked)

    def add(self, lane: Hashable, item: T) -> None:
        """Queue an item behind the others of its lane."""
        self.size += 1
        queue = self._waiting.get(lane)
        if queue is None:
            self._waiting[lane] = deque()
            self._ready.append((lane, item))
            return
        queue.append(item)
        if lane in self._parked:
            self.blocked += 1

    def start(self) -> list[tuple[Hashable, T]]:
        """Items to start now; they count as running."""
        started: list[tuple[Hashable, T]] = []
        while self._ready and self._running < self._concurrency:
            started.append(self._ready.popleft())
            self._running += 1
        return started

    def finish(self, lane: Hashable) -> None:
        """The running item of a lane is done; the next one of the lane becomes ready."""
        self._running -= 1
        self.size -= 1
        queue = self._waiting[lane]
        if queue:
            self._ready.append((lane, queue.popleft()))
        else:
            del self._waiting[lane]

    def park(self, lane: Hashable) -> None:
        """The running item of a lane waits for a retry: its place is free for another lane."""
        self._running -= 1
        self._parked.add(lane)
        self.blocked += 1 + len(self._waiting[lane])

    def unpark(self, lane: Hashable) -> None:
        """A parked item runs again; for a moment more than ``concurrency`` may run."""
        self._running += 1
        self._parked.discard(lane)
        self.blocked -= 1 + len(self._waiting[lane])

    def drop(self, unwanted: Callable[[T], bool]) -> int:
        """Forget queued items (not running or parked ones); gives how many."""
        kept: deque[tuple[Hashable, T]] = deque()
        dropped = 0
        for lane, item in self._ready:
            queue = self._waiting[lane]
            rest = deque(i for i in queue if not unwanted(i))
            dropped += len(queue) - len(rest)
            self._waiting[lane] = rest
            if not unwanted(item):
                kept.append((lane, item))
                continue
            dropped += 1
            if rest:
                kept.append((lane, rest.popleft()))
            else:
                del self._waiting[lane]
        ready = {lane for lane, _ in kept}
        for lane, queue in self._waiting.items():
            if lane in ready:
                continue
            rest = deque(i for i in queue if not unwanted(i))
            dropped += len(queue) - len(rest)
            if lane in self._parked:
                self.blocked -= len(queue) - len(rest)
            self._waiting[lane] = rest
        self._ready = kept
        self.size -= dropped
        return dropped
