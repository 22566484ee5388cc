"""Ends the process when a call does not return: one of the Kafka client, or a step of the agent's start.

This thread asks no broker, so that it is never late: a question to brokers that are away takes up to 45 seconds.
"""

import os
from collections.abc import Callable, Sequence
from threading import Event, Thread
from typing import Protocol

import structlog

from onex.agent.process.start_steps import StartSteps
from onex.util.clock import ProtocolClock

log = structlog.get_logger(__name__)
EXIT_STALLED = 70
_LOOK_EVERY = 1.0
LATE = 3.0
"""Seconds beyond its own timeout from which on a call is logged."""
GIVEN_UP = 15.0
"""Seconds beyond its own timeout after which a call does not return: a coordinator that was killed has a successor by
then, and the call that waited for it returns (decision 14)."""
_FROZEN = 3.0
"""Seconds between two looks from which on the whole process has stood still (SIGSTOP, a suspended machine): its calls
are late for that reason, and get their time again."""


class Calling(Protocol):
    """Waits for the bus."""

    def overdue(self) -> float:
        """Seconds by which a call of the bus has outlasted its own timeout."""
        ...


class CallWatch:
    """Looks every second, by the monotonic clock, until it is stopped."""

    def __init__(self, steps: StartSteps, clock: ProtocolClock) -> None:
        self.steps = steps
        self._clock = clock
        self._looked = clock.monotonic()
        self._not_before = self._looked
        self._told = False
        self._end_by: float | None = None
        self.excuse: Callable[[], None] = lambda: None
        """Called before the process ends: the records that it handles are not the reason."""
        self._callings: Sequence[Calling] = ()
        self._ended = Event()
        Thread(target=self._run, name="call-watch", daemon=True).start()

    def look_at(self, *callings: Calling) -> None:
        """Watch these from now on, in place of those before."""
        self._callings = callings

    def clients_must_end(self) -> None:
        """They are closed within ``GIVEN_UP`` seconds from now, or the process ends. Call from any thread."""
        self._end_by = self._clock.monotonic() + GIVEN_UP

    def clients_ended(self) -> None:
        """There are none from before."""
        self._end_by = None

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.wait(_LOOK_EVERY):
            self.look()

    def look(self) -> None:
        """End the process with code 70 when something is overdue."""
        now, before = self._clock.monotonic(), self._looked
        self._looked = now
        if now - before >= _FROZEN:
            log.warning("the process stood still", seconds=round(now - before, 1))
            self._not_before = now + GIVEN_UP
        if now < self._not_before:
            return
        if (late := self.steps.overdue()) is not None:
            name, seconds = late
            log.critical("the start of the agent hangs, ending the process", step=name, seconds=round(seconds))
            self._end()
        if (end_by := self._end_by) is not None and now >= end_by:
            log.critical("the clients of the bus do not end after the clock was set back, ending the process")
            self._end()
        overdue = max(map(_overdue, self._callings), default=0.0)
        if overdue >= GIVEN_UP:
            log.critical("a call of the bus does not return, ending the process", overdue=round(overdue))
            self._end()
        if overdue >= LATE and not self._told:
            log.warning("a call of the bus is late", overdue=round(overdue))
        self._told = overdue >= LATE

    def _end(self) -> None:
        self.excuse()
        os._exit(EXIT_STALLED)


def _overdue(calling: Calling) -> float:
    try:
        return calling.overdue()
    except Exception as error:  # noqa: BLE001 - clients may be closing on another thread
        log.debug("could not look at a call", error=repr(error))
        return 0.0
