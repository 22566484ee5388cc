"""Ends a process in which a handler never returns: a call into C that neither a signal nor a cancellation ends.

The watchdog judges by lag, and the message that hangs may be the last one of its partition. Where the call keeps the
interpreter's lock, no Python thread runs, so the watchdog does not run either. ``faulthandler`` has its own thread in
C: it writes the stack of every thread to stderr, and ends the process with code 1.
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
"""Returns the number of the current call, None while there is none. Each call has its own number."""


class HangAlarm:
    """Looks once a second, on its own thread."""

    def __init__(self, limit: float, clock: ProtocolClock) -> None:
        """``limit``: seconds after which a call counts as hanging."""
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
        """End the process when the same call has lasted for ``limit`` seconds."""
        mark, now = self._mark, self._clock.monotonic()
        current = None if mark is None else mark()
        if current is None or current != self._seen:
            self._seen, self._since = current, now
        elif now - self._since >= self._limit:
            log.critical("a handler does not return, ending the process", seconds=round(now - self._since))
            os._exit(EXIT_STALLED)

    def stop(self) -> None:
        """End the thread, when the process ends in order."""
        self._ended.set()
        self._thread.join()


class LoopTurns:
    """A mark for an event loop: the turn that has not ended since the last look."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._turn = 0
        self._has_turned = True

    def __call__(self) -> int | None:
        """Return the number of the turn under way; None when the loop has turned since the last call."""
        if not self._has_turned:
            return self._turn
        self._turn += 1
        self._has_turned = False
        try:
            self._loop.call_soon_threadsafe(self._note_turn)
        except RuntimeError:  # the loop is closed: nothing hangs there
            self._has_turned = True
        return None

    def _note_turn(self) -> None:
        self._has_turned = True
