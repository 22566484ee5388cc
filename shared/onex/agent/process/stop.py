"""How an agent process is told to end, or to make its clients anew."""

import os
import signal
import time
from collections.abc import Callable
from types import FrameType


class StopSwitch:
    """Set by SIGTERM and SIGINT; a second signal ends at once."""

    def __init__(self, on_request: Callable[[], None] = lambda: None) -> None:
        """``on_request`` is called in the signal handler."""
        self._on_request = on_request
        self.requested = False
        self.restart = False
        self._wakers: list[Callable[[], object]] = []
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if self.requested:
            os._exit(128 + number)
        self.requested = True
        self._on_request()
        self.wake()

    def wake(self) -> None:
        """Tell whoever waits."""
        for waker in self._wakers:
            waker()

    def ask_restart(self) -> None:
        """Leave the current run; the process makes clients anew."""
        self.restart = True
        self.wake()

    def on_wake(self, waker: Callable[[], object]) -> None:
        """Who to tell; replaces the one before."""
        self._wakers = [waker]

    def __call__(self) -> bool:
        """Whether the current run shall end."""
        return self.requested or self.restart

    def sleep(self, seconds: float) -> None:
        """Wait, but not past a signal."""
        deadline = time.monotonic() + seconds
        while not self.requested and time.monotonic() < deadline:
            time.sleep(min(0.05, seconds))
