"""Key-ordered lanes: many messages run together, but never two of one key. Plain data: no clock, no event loop."""

from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


def _of_no_size(_: object) -> int:
    return 0


class Lanes(Generic[T]):
    """Items of one lane run one after the other; at most ``concurrency`` items run in all lanes together.

    A lane whose first item waits for its next attempt is *parked*: it keeps its order, and frees its slot for another
    lane.
    """

    def __init__(self, concurrency: int, size: Callable[[T], int] = _of_no_size) -> None:
        """``size`` returns the bytes of an item. It is called only for items of lanes that may be parked."""
        self.concurrency = concurrency
        self._size = size
        self._waiting: dict[Hashable, deque[T]] = {}
        """Every busy lane, with the items that queue behind its running or parked item."""
        self._ready: deque[tuple[Hashable, T]] = deque()
        self._parked: set[Hashable] = set()
        self._first_bytes: dict[Hashable, int] = {}
        self._queued_bytes: dict[Hashable, int] = {}
        """Bytes in lanes that were weighed: of the running or parked item, and of the items that queue behind it."""
        self._running = 0
        self.size = 0
        """Items added and not finished."""
        self.parked_items = 0
        """Items in parked lanes: the parked ones, and those that queue behind them."""
        self.parked_bytes = 0
        """Bytes of these items."""

    @property
    def running(self) -> int:
        """Items that run; parked ones do not."""
        return self._running

    @property
    def parked_lanes(self) -> int:
        """Number of parked lanes."""
        return len(self._parked)

    def __contains__(self, lane: Hashable) -> bool:
        """Whether the lane has items."""
        return lane in self._waiting

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
        self.parked_items += parked
        if lane in self._queued_bytes:
            size = self._size(item)
            self._queued_bytes[lane] += size
            self.parked_bytes += size * parked

    def start(self) -> list[tuple[Hashable, T]]:
        """Return the items to start now, with their lanes. They count as running."""
        started: list[tuple[Hashable, T]] = []
        while self._ready and self._running < self.concurrency:
            started.append(self._ready.popleft())
            self._running += 1
        return started

    def finish(self, lane: Hashable) -> None:
        """Remove the running item of a lane. The next item of the lane may start."""
        self._running -= 1
        self.size -= 1
        queue = self._waiting[lane]
        if queue:
            item = queue.popleft()
            self._ready.append((lane, item))
            if lane in self._queued_bytes:
                self._queued_bytes[lane] -= self._size(item)
            return
        del self._waiting[lane]
        if self._queued_bytes:
            self._queued_bytes.pop(lane, None)
            self._first_bytes.pop(lane, None)

    def weigh(self, lane: Hashable, item: T) -> None:
        """Count the bytes of a lane from now on, because its running item, ``item``, may be parked."""
        self._first_bytes[lane] = self._size(item)
        if lane not in self._queued_bytes:
            self._queued_bytes[lane] = sum(map(self._size, self._waiting[lane]))

    def park(self, lane: Hashable) -> None:
        """Free the slot of the running item of a lane, because the item waits for its next attempt."""
        self._running -= 1
        self._parked.add(lane)
        self.parked_items += 1 + len(self._waiting[lane])
        self.parked_bytes += self._weight(lane)

    def unpark(self, lane: Hashable) -> None:
        """Run a parked item again. Until others finish, more than ``concurrency`` items may run."""
        self._running += 1
        self._parked.discard(lane)
        self.parked_items -= 1 + len(self._waiting[lane])
        self.parked_bytes -= self._weight(lane)

    def _weight(self, lane: Hashable) -> int:
        return self._first_bytes.get(lane, 0) + self._queued_bytes.get(lane, 0)

    def drop(self, is_unwanted: Callable[[T], bool]) -> int:
        """Remove queued items, but none that run or are parked. Return the number of removed items."""
        ready: deque[tuple[Hashable, T]] = deque()
        dropped = 0
        for lane, item in self._ready:
            queue = self._waiting[lane]
            wanted = deque(queued for queued in queue if not is_unwanted(queued))
            dropped += len(queue) - len(wanted)
            self._replace(lane, wanted)
            if not is_unwanted(item):
                ready.append((lane, item))
                continue
            dropped += 1
            if wanted:
                ready.append((lane, wanted.popleft()))
                self._replace(lane, wanted)
            else:
                del self._waiting[lane]
                self._queued_bytes.pop(lane, None)
                self._first_bytes.pop(lane, None)
        ready_lanes = {lane for lane, _ in ready}
        for lane, queue in self._waiting.items():
            if lane in ready_lanes:
                continue
            wanted = deque(queued for queued in queue if not is_unwanted(queued))
            dropped += len(queue) - len(wanted)
            parked = lane in self._parked
            weight = self._weight(lane)
            self.parked_items -= parked * (len(queue) - len(wanted))
            self._replace(lane, wanted)
            self.parked_bytes -= parked * (weight - self._weight(lane))
        self._ready = ready
        self.size -= dropped
        return dropped

    def _replace(self, lane: Hashable, queue: deque[T]) -> None:
        self._waiting[lane] = queue
        if lane in self._queued_bytes:
            self._queued_bytes[lane] = sum(map(self._size, queue))
