"""Asks an agent to end, or to replace its clients."""

import os
import select
import signal
import time
from collections.abc import Callable
from types import FrameType

_STDERR = 2
_WITHOUT_DRAIN = b'{"event": "agent ends without a drain, at a second signal", "signal": "%b", "level": "critical"}\n'


class StopSwitch:
    """Set by SIGTERM and SIGINT, or by :meth:`ask_stop`. A second signal ends the process immediately."""

    def __init__(self, on_request: Callable[[], None] = lambda: None, *, handles_signals: bool = True) -> None:
        """``on_request`` is called in the signal handler. Only the main thread can create a switch for signals."""
        self._on_request = on_request
        self.requested = False
        self.reason = ""
        """Who asked the agent to end: the name of a signal, or the process around it."""
        self.restart = False
        self._wakers: list[Callable[[], object]] = []
        for number in (signal.SIGTERM, signal.SIGINT) if handles_signals else ():
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        name = signal.Signals(number).name
        if self.requested:
            try:
                # A log line needs locks, which the interrupted code may have. A full pipe would block the end.
                if select.select([], [_STDERR], [], 0.0)[1]:
                    os.write(_STDERR, _WITHOUT_DRAIN % name.encode())
            finally:
                os._exit(128 + number)
        self.ask_stop(name)

    def ask_stop(self, reason: str = "its process") -> None:
        """End the agent."""
        self.requested = True
        self.reason = self.reason or reason
        self._on_request()
        self.wake()

    def wake(self) -> None:
        """Call the function of :meth:`on_wake`."""
        for waker in self._wakers:
            waker()

    def ask_restart(self) -> None:
        """End the current run; the process then replaces its clients."""
        self.restart = True
        self.wake()

    def on_wake(self, waker: Callable[[], object]) -> None:
        """Set the function that a request calls; it replaces the one before."""
        self._wakers = [waker]

    def __call__(self) -> bool:
        """Return whether the current run must end."""
        return self.requested or self.restart

    def sleep(self, seconds: float) -> None:
        """Wait, at most until a signal arrives."""
        deadline = time.monotonic() + seconds
        while not self.requested and time.monotonic() < deadline:
            time.sleep(min(0.05, seconds))
