"""A clock that moves only when a test moves it, and an asyncio loop that follows it."""

import asyncio

from typing_extensions import override

from onex.util.clock import ProtocolClock


class ManualClock(ProtocolClock):
    """A clock for tests."""

    def __init__(self, start_ms: int = 1_700_000_000_000) -> None:
        self._start_ms = self._now_ms = start_ms
        self._seconds = 0.0
        self._elapsed_ns = 0

    @override
    def now_ms(self) -> int:
        return self._now_ms

    def elapsed_ns(self) -> int:
        """Return the nanoseconds since the clock was made, in whole milliseconds."""
        return self._elapsed_ns

    @override
    def monotonic(self) -> float:
        return self._seconds

    def move_to(self, seconds: float) -> None:
        """Set the monotonic time in seconds. It never moves back."""
        self._seconds = max(self._seconds, seconds)
        elapsed_ms = round(self._seconds * 1000)
        self._elapsed_ns = elapsed_ms * 1_000_000
        self._now_ms = self._start_ms + elapsed_ms

    def step(self, seconds: float) -> None:
        """Step the wall clock forward, or back, by seconds. The monotonic time stays."""
        self._start_ms += round(seconds * 1000)
        self.move_to(self._seconds)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose timers follow a manual clock."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._manual = clock

    def time(self) -> float:
        """Return the time of the manual clock, in seconds."""
        return self._manual.monotonic()

    def run_ready(self) -> None:
        """Run everything that can run now; return when all tasks wait."""
        while True:
            self.call_soon(self.stop)
            self.run_forever()
            due = self.next_timer()
            if not getattr(self, "_ready") and (due is None or due > self.time()):  # noqa: B009 - asyncio has no public way
                return

    def next_timer(self) -> float | None:
        """Return the time of the next timer in seconds; None when no task sleeps."""
        waiting = [handle.when() for handle in getattr(self, "_scheduled") if not handle.cancelled()]  # noqa: B009
        return min(waiting, default=None)
