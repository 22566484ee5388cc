"""Ends a process in which Python itself stands still: a call into C keeps the interpreter's lock and never returns.

No thread written in Python runs then, the watchdog's neither. ``faulthandler`` waits in a thread of its own in C: it
writes to stderr where every thread was, and ends the process with code 1.
"""

import faulthandler
from threading import Event, Thread

_TICK = 1.0


class HangAlarm:
    """Put off every second for as long as Python runs."""

    def __init__(self, limit: float) -> None:
        """``limit``: seconds without a turn for Python after which the process ends."""
        self._limit = limit
        self._ended = Event()
        self._thread = Thread(target=self._run, name="hang-alarm", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            faulthandler.dump_traceback_later(self._limit + _TICK, exit=True)
            if self._ended.wait(_TICK):
                faulthandler.cancel_dump_traceback_later()
                return

    def stop(self) -> None:
        """The process ends by itself from here on."""
        self._ended.set()
        self._thread.join()
