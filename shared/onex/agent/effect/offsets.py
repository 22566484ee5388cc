"""The offsets of a partition that are done: a contiguous watermark, and a compressed set beyond it.

The set is stored in the metadata of the committed position, so that neither a crash nor a rebalance runs a finished
effect again.
"""

from collections import deque

from onex.wire.positions import FITS, done_beyond, packed
from onex.wire.record import Position

MAX_SPAN = 20_000
"""Offsets between the watermark and the newest one taken, from which on no more records are read.

``FITS`` is larger, because a batch that was requested before is taken in whole."""


class OffsetTracker:
    """Offsets are taken in ascending order, with gaps, and finish in any order."""

    def __init__(self, committed: Position | None = None) -> None:
        self._pending: deque[int] = deque()
        self._done: set[int] = set()
        self._next = committed.offset if committed else -1
        self._done_before = set(done_beyond(committed)) if committed else set[int]()
        """Offsets that an earlier owner finished, and that were not read again yet."""
        self.expected = max(self._next, 0)
        """The lowest offset that may be taken."""

    def take(self, offset: int) -> bool:
        """Take an offset. Return False when an earlier owner finished it, so that it must not run again."""
        self._pending.append(offset)
        self.expected = offset + 1
        if self._next < 0:
            self._next = offset
        if offset in self._done_before:
            self._done_before.remove(offset)
            self._done.add(offset)
            self._advance()
            return False
        return True

    def finish(self, offset: int) -> None:
        """Mark an offset whose outcome is part of the next commit as done. Marking it twice changes nothing."""
        if offset >= self._next:
            self._done.add(offset)
            self._advance()

    def _advance(self) -> None:
        last = -1
        while self._pending and self._pending[0] in self._done:
            last = self._pending.popleft()
            self._done.discard(last)
        if self._pending:
            self._next = max(self._next, self._pending[0])
        elif last >= 0:
            self._next = last + 1

    @property
    def span(self) -> int:
        """Number of offsets between the watermark and the newest one taken."""
        return self._pending[-1] - self._next + 1 if self._pending else 0

    @property
    def watermark(self) -> int:
        """The offset below which every record is done."""
        return self._next

    @property
    def is_wide(self) -> bool:
        """Whether offsets were taken for which the metadata may have no room."""
        return self.span > FITS

    def fits(self, offset: int) -> bool:
        """Return whether the metadata has room to mark an offset as done."""
        return offset < self._next + FITS

    def position(self) -> Position:
        """Return the position to commit now."""
        done = self._done | self._done_before if self._done_before else self._done
        return Position(self._next, packed(self._next, done))
