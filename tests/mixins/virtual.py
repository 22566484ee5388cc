"""Coroutines in virtual time."""

from collections.abc import Coroutine
from typing import TypeVar

from onex.testing.clock import ManualClock, VirtualLoop

T = TypeVar("T")


def play(work: Coroutine[None, None, T], clock: ManualClock | None = None) -> T:
    """Return the result of ``work``, whose sleeps take no time. AssertionError when nothing can wake it."""
    clock = clock or ManualClock()
    loop = VirtualLoop(clock)
    try:
        task = loop.create_task(work)
        loop.run_ready()
        while not task.done():
            due = loop.next_timer()
            assert due is not None, "nothing can wake it"
            clock.move_to(due)
            loop.run_ready()
        return task.result()
    finally:
        loop.close()
