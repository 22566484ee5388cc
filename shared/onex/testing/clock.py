"""Time that moves only when a test says so, and an asyncio loop that lives in it."""

import asyncio


class ManualClock:
    """A clock that tests move by hand."""

    def __init__(self, start_ms: int = 1_700_000_000_000) -> None:
        self._start_ms = self._now_ms = start_ms
        self._seconds = 0.0
        self._elapsed_ns = 0

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return self._now_ms

    def elapsed_ns(self) -> int:
        """Nanoseconds since the clock was made, in whole milliseconds."""
        return self._elapsed_ns

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._seconds

    def move_to(self, seconds: float) -> None:
        """Set the monotonic time; it never goes back."""
        self._seconds = max(self._seconds, seconds)
        elapsed_ms = round(self._seconds * 1000)
        self._elapsed_ns = elapsed_ms * 1_000_000
        self._now_ms = self._start_ms + elapsed_ms

    def step(self, seconds: float) -> None:
        """Step the wall clock forward, or back; monotonic time stays."""
        self._start_ms += round(seconds * 1000)
        self.move_to(self._seconds)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Timers follow a manual clock; ``run_ready`` returns when only waiting is left."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._manual = clock

    def time(self) -> float:
        """The manual clock's."""
        return self._manual.monotonic()

    def run_ready(self) -> None:
        """Run everything that can run now."""
        while True:
            self.call_soon(self.stop)
            self.run_forever()
            due = self.next_timer()
            if not getattr(self, "_ready") and (due is None or due > self.time()):  # noqa: B009 - no public way
                return

    def next_timer(self) -> float | None:
        """When the next timer is due; None when nothing sleeps."""
        waiting = [handle.when() for handle in getattr(self, "_scheduled") if not handle.cancelled()]  # noqa: B009
        return min(waiting, default=None)
