"""Which offsets of a partition are done: a contiguous watermark, and a compressed set beyond it.

The set travels in the metadata of the committed offset, so that neither a crash nor a rebalance
runs a finished effect again. Kafka accepts 4,095 bytes of metadata (``offset.metadata.max.bytes``).
"""

from collections import deque

from onex.wire.positions import FITS, done_beyond, packed
from onex.wire.record import Position

MAX_SPAN = 20_000
"""Offsets between the watermark and the newest one taken in, from which on no more are read.

``FITS`` is larger, because a batch that was asked for before is taken in whole."""


class OffsetTracker:
    """Offsets are taken in ascending order (gaps are normal) and finish in any order."""

    def __init__(self, committed: Position | None = None) -> None:
        self._pending: deque[int] = deque()
        self._done: set[int] = set()
        self._next = committed.offset if committed else -1
        self._known = set(done_beyond(committed)) if committed else set[int]()
        """Finished by an earlier owner, and not read again yet."""
        self.expected = max(self._next, 0)
        """No offset below is to be taken in any more."""

    def take(self, offset: int) -> bool:
        """Take an offset in; False when it was finished before and must not run again."""
        self._pending.append(offset)
        self.expected = offset + 1
        if self._next < 0:
            self._next = offset
        if offset in self._known:
            self._known.remove(offset)
            self._done.add(offset)
            self._settle()
            return False
        return True

    def finish(self, offset: int) -> None:
        """The outcome of an offset is part of the commit in hand; saying so again changes nothing."""
        if offset >= self._next:
            self._done.add(offset)
            self._settle()

    def _settle(self) -> None:
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
        """Offsets between the watermark and the newest one taken in."""
        return self._pending[-1] - self._next + 1 if self._pending else 0

    @property
    def watermark(self) -> int:
        """Everything below is done."""
        return self._next

    @property
    def is_wide(self) -> bool:
        """Whether offsets were taken in that the metadata may have no room for."""
        return self.span > FITS

    def fits(self, offset: int) -> bool:
        """Whether the metadata can say of an offset that it is finished."""
        return offset < self._next + FITS

    def position(self) -> Position:
        """What to commit now."""
        return Position(self._next, packed(self._next, self._done | self._known if self._known else self._done))
