"""Ends a process in which a handler never returns: a call into C that neither a signal nor a cancellation ends.

The watchdog judges by lag; a message that hangs may be the last one of its partition. And where the call keeps the
interpreter's lock, no thread written in Python runs, the watchdog's neither. ``faulthandler`` waits in a thread of
its own in C: it writes to stderr where every thread was, and ends the process with code 1.
"""

import faulthandler
import os
from asyncio import AbstractEventLoop
from collections.abc import Callable
from threading import Event, Thread

import structlog

from onex.agent.process.watchdog.call_watch import EXIT_STALLED
from onex.util.clock import ProtocolClock

log = structlog.get_logger(__name__)
_TICK = 1.0

Mark = Callable[[], int | None]
"""Which call is under way; None while there is none. Another call has another number."""


class HangAlarm:
    """Looks every second, on a thread of its own."""

    def __init__(self, limit: float, clock: ProtocolClock) -> None:
        """``limit``: seconds after which a call will not return any more."""
        self._limit = limit
        self._clock = clock
        self._mark: Mark | None = None
        self._seen: int | None = None
        self._since = 0.0
        self._ended = Event()
        self._thread = Thread(target=self._run, name="hang-alarm", daemon=True)
        self._thread.start()

    def watch(self, mark: Mark | None) -> None:
        """Watch these calls from now on; None while there are no handlers."""
        self._mark, self._seen = mark, None

    def _run(self) -> None:
        while True:
            faulthandler.dump_traceback_later(self._limit + _TICK, exit=True)
            if self._ended.wait(_TICK):
                faulthandler.cancel_dump_traceback_later()
                return
            self.look()

    def look(self) -> None:
        """Has the same call been under way for too long?"""
        mark, now = self._mark, self._clock.monotonic()
        current = None if mark is None else mark()
        if current is None or current != self._seen:
            self._seen, self._since = current, now
        elif now - self._since >= self._limit:
            log.critical("a handler does not return, ending the process", seconds=round(now - self._since))
            os._exit(EXIT_STALLED)

    def stop(self) -> None:
        """The process ends by itself from here on."""
        self._ended.set()
        self._thread.join()


class LoopTurns:
    """Marks the turn of an event loop that has not come to its end since it was asked for."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._turn = 0
        self._has_come = True

    def __call__(self) -> int | None:
        """See ``Mark``."""
        if not self._has_come:
            return self._turn
        self._turn += 1
        self._has_come = False
        try:
            self._loop.call_soon_threadsafe(self._come)
        except RuntimeError:  # the loop is closed: nothing hangs there
            self._has_come = True
        return None

    def _come(self) -> None:
        self._has_come = True
