"""Key-ordered lanes: many messages at once, never two of one key. Plain data; knows no clock and no loop."""

from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


def _of_no_size(_: object) -> int:
    return 0


class Lanes(Generic[T]):
    """Items of one lane run one after the other; at most ``concurrency`` run in all lanes together.

    A lane whose item waits for a retry is *parked*: it keeps its order but not its place, so other
    lanes go on.
    """

    def __init__(self, concurrency: int, size: Callable[[T], int] = _of_no_size) -> None:
        """``size``: bytes of an item; asked only in lanes whose item may be parked."""
        self.concurrency = concurrency
        self._size = size
        self._waiting: dict[Hashable, deque[T]] = {}
        """Every busy lane, with what queues behind the item in work."""
        self._ready: deque[tuple[Hashable, T]] = deque()
        self._parked: set[Hashable] = set()
        self._own: dict[Hashable, int] = {}
        self._behind: dict[Hashable, int] = {}
        """Bytes of lanes that were weighed: of the item in work, and of what queues behind it."""
        self._running = 0
        self.size = 0
        """Items added and not finished."""
        self.blocked = 0
        """Those of them in parked lanes: the parked item and what queues behind it."""
        self.blocked_bytes = 0
        """Bytes of the blocked items."""

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
        parked = lane in self._parked
        self.blocked += parked
        if lane in self._behind:
            size = self._size(item)
            self._behind[lane] += size
            self.blocked_bytes += size * parked

    def start(self) -> list[tuple[Hashable, T]]:
        """Items to start now; they count as running."""
        started: list[tuple[Hashable, T]] = []
        while self._ready and self._running < self.concurrency:
            started.append(self._ready.popleft())
            self._running += 1
        return started

    def finish(self, lane: Hashable) -> None:
        """The running item of a lane is done; the next one of the lane becomes ready."""
        self._running -= 1
        self.size -= 1
        queue = self._waiting[lane]
        if queue:
            item = queue.popleft()
            self._ready.append((lane, item))
            if lane in self._behind:
                self._behind[lane] -= self._size(item)
            return
        del self._waiting[lane]
        if self._behind:
            self._behind.pop(lane, None)
            self._own.pop(lane, None)

    def weigh(self, lane: Hashable, item: T) -> None:
        """Count bytes in a lane from now on, because its running item, which is this one, may be parked."""
        self._own[lane] = self._size(item)
        if lane not in self._behind:
            self._behind[lane] = sum(map(self._size, self._waiting[lane]))

    def park(self, lane: Hashable) -> None:
        """The running item of a lane waits for a retry: its place is free for another lane."""
        self._running -= 1
        self._parked.add(lane)
        self.blocked += 1 + len(self._waiting[lane])
        self.blocked_bytes += self._weight(lane)

    def unpark(self, lane: Hashable) -> None:
        """A parked item runs again; for a moment more than ``concurrency`` may run."""
        self._running += 1
        self._parked.discard(lane)
        self.blocked -= 1 + len(self._waiting[lane])
        self.blocked_bytes -= self._weight(lane)

    def _weight(self, lane: Hashable) -> int:
        return self._own.get(lane, 0) + self._behind.get(lane, 0)

    def drop(self, unwanted: Callable[[T], bool]) -> int:
        """Forget queued items (not running or parked ones); gives how many."""
        kept: deque[tuple[Hashable, T]] = deque()
        dropped = 0
        for lane, item in self._ready:
            queue = self._waiting[lane]
            rest = deque(i for i in queue if not unwanted(i))
            dropped += len(queue) - len(rest)
            self._replace(lane, rest)
            if not unwanted(item):
                kept.append((lane, item))
                continue
            dropped += 1
            if rest:
                kept.append((lane, rest.popleft()))
                self._replace(lane, rest)
            else:
                del self._waiting[lane]
                self._behind.pop(lane, None)
                self._own.pop(lane, None)
        ready = {lane for lane, _ in kept}
        for lane, queue in self._waiting.items():
            if lane in ready:
                continue
            rest = deque(i for i in queue if not unwanted(i))
            dropped += len(queue) - len(rest)
            parked = lane in self._parked
            before = self._weight(lane)
            self.blocked -= parked * (len(queue) - len(rest))
            self._replace(lane, rest)
            self.blocked_bytes -= parked * (before - self._weight(lane))
        self._ready = kept
        self.size -= dropped
        return dropped

    def _replace(self, lane: Hashable, queue: deque[T]) -> None:
        self._waiting[lane] = queue
        if lane in self._behind:
            self._behind[lane] = sum(map(self._size, queue))
