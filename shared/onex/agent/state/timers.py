"""Durable timers of one partition: part of the keyed state, fired as inputs."""

import heapq
from collections.abc import Iterable, Sequence

from onex.errors import PoisonError
from onex.node import CancelTimer, SetTimer
from onex.wire.changelog import StoredTimer, TimersOfKey, decode_timers, dump_timers
from onex.wire.timer_offset import DueTimer
from onex.workflow.state import RETENTION_TIMER

_SLACK = 64
"""Heap entries of removed timers that may stay, whatever the number of timers."""


class TimerTable:
    """All timers of a partition, in memory. Changes are staged until the transaction commits.

    The heap has an entry for each timer. Entries of cancelled, replaced and fired timers stay until they are due, or
    until they outnumber the timers: then the heap is built again, which costs O(log n) per change on average.
    """

    def __init__(self) -> None:
        self._by_key: dict[bytes, TimersOfKey] = {}
        self._staged: dict[bytes, TimersOfKey] = {}
        self._heap: list[tuple[int, bytes, str]] = []
        self._count = 0
        """Timers in ``_by_key``."""
        self._retained = 0
        """Keys in ``_by_key`` with the timer that ends the retention of a finished run."""

    def load(self, stored: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, PoisonError]]:
        """Load the timers of a store. Return the keys whose timers cannot be read, with the reason."""
        unreadable: list[tuple[bytes, PoisonError]] = []
        for key, value in stored:
            try:
                self._replace(key, decode_timers(value))
            except PoisonError as error:
                unreadable.append((key, error))
        return unreadable

    def change(
        self, key: bytes, changes: Sequence[SetTimer | CancelTimer], now_ms: int, kept: dict[str, str]
    ) -> None:
        """Stage changes that a handler asks for. ``kept``: the part of the envelope that new timers carry."""
        if changes:
            self._staged[key] = self.changed(key, changes, now_ms, kept)

    def changed(
        self, key: bytes, changes: Sequence[SetTimer | CancelTimer], now_ms: int, kept: dict[str, str]
    ) -> TimersOfKey:
        """Return the timers of a key as they would be after these changes."""
        timers = dict(self._current(key))
        for change in changes:
            match change:
                case SetTimer(name, after):
                    timers[name] = StoredTimer(now_ms + round(after * 1000), kept)
                case CancelTimer(name):
                    timers.pop(name, None)
        return timers

    def due(self, now_ms: int, most: int) -> list[DueTimer]:
        """Return at most this many timers that are due, earliest first. They stay until :meth:`fired`."""
        due: list[DueTimer] = []
        put_back: list[tuple[int, bytes, str]] = []
        while self._heap and self._heap[0][0] <= now_ms and len(due) < most:
            entry = heapq.heappop(self._heap)
            if put_back and put_back[-1] == entry:
                continue  # cancelled and set again for the same time: equal entries come one after the other
            due_ms, key, name = entry
            timer = self._by_key.get(key, {}).get(name)
            if timer is not None and timer.due_ms == due_ms:
                due.append(DueTimer(due_ms, key, name, timer.kept))
                put_back.append(entry)
        for entry in put_back:
            heapq.heappush(self._heap, entry)
        return due

    def still_due(self, timer: DueTimer) -> bool:
        """Whether no input of the batch cancelled or moved the timer."""
        current = self._current(timer.key).get(timer.name)
        return current is not None and current.due_ms == timer.due_ms

    def fired(self, timer: DueTimer) -> None:
        """Stage the removal of a fired timer."""
        timers = dict(self._current(timer.key))
        timers.pop(timer.name, None)
        self._staged[timer.key] = timers

    def next_due_ms(self) -> int | None:
        """Return the earliest due time, perhaps of a cancelled timer; None without timers."""
        return self._heap[0][0] if self._heap else None

    def open_runs(self) -> int:
        """Return the number of runs of a declared workflow that are not over: each of them has a timer."""
        return len(self._by_key) - self._retained

    def changes(self) -> list[tuple[bytes, bytes | None]]:
        """Return the staged timers by key, as the changelog stores them."""
        return [(key, dump_timers(timers) if timers else None) for key, timers in self._staged.items()]

    def commit(self) -> None:
        """Apply the staged changes: their transaction is committed."""
        for key, timers in self._staged.items():
            self._replace(key, timers)
        self._staged.clear()
        if len(self._heap) > 2 * self._count + _SLACK:
            self._heap = [(t.due_ms, key, name) for key, timers in self._by_key.items() for name, t in timers.items()]
            heapq.heapify(self._heap)

    def rollback(self) -> None:
        """Forget the staged changes."""
        self._staged.clear()

    def _current(self, key: bytes) -> TimersOfKey:
        return self._staged.get(key) or (self._by_key.get(key, {}) if key not in self._staged else {})

    def _replace(self, key: bytes, timers: TimersOfKey) -> None:
        """Replace the timers of a key. Timers that are new, or due at another time, get an entry in the heap."""
        before = self._by_key.get(key, {})
        self._count += len(timers) - len(before)
        self._retained += (RETENTION_TIMER in timers) - (RETENTION_TIMER in before)
        if timers:
            self._by_key[key] = timers
        else:
            self._by_key.pop(key, None)
        for name, timer in timers.items():
            previous = before.get(name)
            if previous is not timer and (previous is None or previous.due_ms != timer.due_ms):
                heapq.heappush(self._heap, (timer.due_ms, key, name))
