"""Agent time: wall time that no step of the machine's clock moves forward. Timers, retries and deadlines use it."""

import time
from collections.abc import Callable
from functools import partial

from typing_extensions import override

from onex.util.clock import ProtocolClock

CATCH_UP = 0.01
"""Share of the elapsed time by which agent time may run fast, or its bound slow, after a step."""
_NOISE_NS = 2_000_000
"""Smallest difference that counts: the machine's clock has a resolution of milliseconds."""


def since_boot_ns() -> Callable[[], int]:
    """Return a clock in nanoseconds that no step moves. On Linux it includes time of a suspended machine."""
    boot_time = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic_ns if boot_time is None else partial(time.clock_gettime_ns, boot_time)


class SteadyClock(ProtocolClock):
    """The machine's clock, bounded by the time that has elapsed since start.

    A step forward does not move it: with each ``look`` it catches up, 1% faster than time passes. A step back moves
    it back with the next ``look``, and it follows a return of the clock. Without a step it equals the machine's
    clock: corrections that change the rate of that clock also change the elapsed time. Thread-safe; one thread calls
    ``look``.
    """

    def __init__(self, machine: ProtocolClock, elapsed_ns: Callable[[], int] | None = None) -> None:
        self._machine = machine
        self._elapsed_ns = elapsed_ns or since_boot_ns()
        self._looked = self._elapsed_ns()
        self._bound = self._base = machine.now_ms() * 1_000_000 - self._looked

    @override
    def now_ms(self) -> int:
        return (self._base + self._elapsed_ns()) // 1_000_000

    @override
    def monotonic(self) -> float:
        return self._machine.monotonic()

    def look(self) -> float:
        """Compare with the machine's clock and follow it, as far as the bound allows.

        Return the seconds by which the machine's clock is beyond the bound; negative after a step back.
        """
        elapsed = self._elapsed_ns()
        base = self._machine.now_ms() * 1_000_000 - elapsed
        most = int((elapsed - self._looked) * CATCH_UP)
        self._looked = elapsed
        if abs(base - self._bound) > _NOISE_NS:
            self._bound += max(-most, min(base - self._bound, most))
        target = min(base, self._bound)
        if abs(target - self._base) > _NOISE_NS:
            self._base = target
        return (base - self._bound) / 1e9
