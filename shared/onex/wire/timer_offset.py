"""Offsets of timers. A timer has no offset in a topic: its due time, its key and its name make one."""

from typing import NamedTuple
from zlib import crc32

_PER_MILLISECOND = 1_000_000
"""Offsets for the timers that are due in the same millisecond, as those set in one batch often are."""


class DueTimer(NamedTuple):
    """A timer that is due."""

    due_ms: int
    key: bytes
    name: str
    kept: dict[str, str]


def offset_of(timer: DueTimer) -> int:
    """Return the offset of a timer. It grows with the due time; timers of one millisecond differ by key and name."""
    return first_at(timer.due_ms) + crc32(timer.key + b"/" + timer.name.encode()) % _PER_MILLISECOND


def first_at(due_ms: int) -> int:
    """Return the lowest offset that a timer with this due time can have."""
    return due_ms * _PER_MILLISECOND


def due_ms_of(offset: int) -> int:
    """Return the due time of a timer, in milliseconds since 1970."""
    return offset // _PER_MILLISECOND
