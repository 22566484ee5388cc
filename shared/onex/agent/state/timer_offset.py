"""Timers have no offset: one is made of when they are due, and whose they are."""

from zlib import crc32

from onex.agent.state.timers import DueTimer

_A_MILLISECOND = 1_000_000
"""Room for the timers that are due in the same millisecond: those set in one batch often are."""


def offset_of(timer: DueTimer) -> int:
    """Ascends with the due time; of timers that are due together, which one it is."""
    return first_at(timer.due_ms) + crc32(timer.key + b"/" + timer.name.encode()) % _A_MILLISECOND


def first_at(due_ms: int) -> int:
    """Not above the offset of any timer that is due then."""
    return due_ms * _A_MILLISECOND


def due_ms_of(offset: int) -> int:
    """When a timer is due; milliseconds since 1970."""
    return offset // _A_MILLISECOND
