"""Ends the process when a call of the Kafka client, or a step of the agent's start, does not return.

Its thread calls no broker, so that it is never late: a call to brokers that are away takes up to 45 seconds.
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
"""Seconds beyond its own timeout after which a call counts as hanging. A coordinator that was killed has a successor
within that time, and the call that waited for it returns (decision 14)."""
_FROZEN = 3.0
"""Seconds between two looks from which on the whole process counts as stopped (SIGSTOP, a suspended machine). Its
calls are late for that reason, and their time starts again."""


class Calling(Protocol):
    """Makes calls of the bus that may hang."""

    def overdue(self) -> float:
        """Return the seconds by which the current call of the bus exceeds its own timeout. Thread-safe."""
        ...


class CallWatch:
    """Looks every second, by the monotonic clock, until it is stopped."""

    def __init__(self, steps: StartSteps, clock: ProtocolClock) -> None:
        self.steps = steps
        self._clock = clock
        self._looked = clock.monotonic()
        self._not_before = self._looked
        self._is_late = False
        self._end_by: float | None = None
        self.excuse: Callable[[], None] = lambda: None
        """Called before the process ends, so that the current records do not become suspects."""
        self._callings: Sequence[Calling] = ()
        self._ended = Event()
        Thread(target=self._run, name="call-watch", daemon=True).start()

    def look_at(self, *callings: Calling) -> None:
        """Watch these from now on, and no others."""
        self._callings = callings

    def clients_must_end(self) -> None:
        """End the process unless :meth:`clients_ended` follows within ``GIVEN_UP`` seconds. Call from any thread."""
        self._end_by = self._clock.monotonic() + GIVEN_UP

    def clients_ended(self) -> None:
        """Note that the clients are closed."""
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
            log.warning("the process was stopped", seconds=round(now - before, 1))
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
        if overdue >= LATE and not self._is_late:
            log.warning("a call of the bus is late", overdue=round(overdue))
        self._is_late = overdue >= LATE

    def _end(self) -> None:
        self.excuse()
        os._exit(EXIT_STALLED)


def _overdue(calling: Calling) -> float:
    try:
        return calling.overdue()
    except Exception as error:  # noqa: BLE001 - another thread may be closing the clients
        log.debug("cannot check a call of the bus", error=repr(error))
        return 0.0
