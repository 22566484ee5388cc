"""Coroutines in virtual time."""

from collections.abc import Coroutine
from typing import TypeVar

from onex.testing.clock import ManualClock, VirtualLoop

T = TypeVar("T")


def play(work: Coroutine[None, None, T], clock: ManualClock | None = None) -> T:
    """The result of ``work``, whose sleeps take no time; AssertionError when it waits for what never comes."""
    clock = clock or ManualClock()
    loop = VirtualLoop(clock)
    try:
        task = loop.create_task(work)
        loop.run_ready()
        while not task.done():
            due = loop.next_timer()
            assert due is not None, "waits for something that never comes"
            clock.move_to(due)
            loop.run_ready()
        return task.result()
    finally:
        loop.close()
