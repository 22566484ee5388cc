"""Speed and processor time of a peer, seen from outside while it runs."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from subprocess import Popen

import psutil

from benchmarks.field.steady import Mark, SteadyRate, rate
from onex.bus.protocols import Partition

Progress = Callable[[], Mapping[Partition, int]]
_EVERY = 0.05
_START_LIMIT = 120.0
_WARM_UP_LIMIT = 60.0
"""Seconds after which a peer is measured although its rate still changes; its reading says so."""
_SPARE = 1.25
"""Messages that a window needs, for each that it would take at the rate before it."""
WINDOW = 20.0
"""Seconds of steady state that are measured."""


class PeerFailedError(Exception):
    """A peer ended, never began to work, or ran out of messages."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was measured in one run."""

    rate: float
    """Messages a second."""
    cpu: float
    """Microseconds of processor time a message, all processes and threads of the peer."""
    memory: float
    """MiB at the end, of all its processes."""
    start: float
    """Seconds from the start of the processes to the first messages that are done."""
    warm_up: float
    """Seconds from then until the window began."""
    is_steady: bool
    """Whether the rate had stopped to change when the window began."""


class Meter:
    """Watches the processes of one peer from the moment when they were started."""

    def __init__(
        self,
        processes: Sequence[Popen[bytes]],
        progress: Progress,
        count: int,
        limits: Mapping[Partition, int] | None = None,
    ) -> None:
        """``count``: messages that there are. ``limits``: those of each partition, where progress is by input."""
        self._processes = processes
        self._watched = [psutil.Process(process.pid) for process in processes]
        self._progress = progress
        self._count = count
        self._limits = limits
        self._left = float(count)
        self._launched = time.monotonic()

    def steady(self, window: float = WINDOW) -> Reading:
        """Wait until the rate changes by less than 5% in five seconds, then measure for ``window`` seconds.

        The wait ends too when what is left lasts for no more than the window: the reading says that the rate was not
        steady. Raises PeerFailedError, also when the messages do not last.
        """
        began = self._first_progress()
        marks = SteadyRate()
        while not (is_steady := marks.is_steady()) and time.monotonic() - began < _WARM_UP_LIMIT:
            if self._left < marks.speed() * window * _SPARE:
                break
            self._next(marks)
        first, used = self._at_mark(marks)
        while marks.last.at - first.at < window:
            self._next(marks)
        last, used_last = self._at_mark(marks)
        return self._reading(first, last, used_last - used, began, is_steady=is_steady)

    def whole(self, window: float) -> Reading:
        """From the first progress until all messages are done, at most ``window`` seconds."""
        began = self._first_progress()
        first, used = Mark(time.monotonic(), sum(self._progress().values())), self._used()
        while True:
            time.sleep(_EVERY)
            now = Mark(time.monotonic(), sum(self._progress().values()))
            if now.done >= self._count or now.at - first.at >= window:
                break
            self._still_running()
        return self._reading(first, now, self._used() - used, began, is_steady=False)

    def _first_progress(self) -> float:
        """With several processes the moment when every partition moves: all of them are at work then."""
        moving = all if len(self._processes) > 1 else any
        while not moving((done := self._progress()).values()):
            if time.monotonic() - self._launched > _START_LIMIT:
                raise PeerFailedError(f"no progress: {dict(done)}")
            self._still_running()
            time.sleep(_EVERY)
        return time.monotonic()

    def _next(self, marks: SteadyRate) -> bool:
        time.sleep(_EVERY)
        self._still_running()
        progress = self._progress()
        self._left = self._messages_left(progress)
        if self._left <= 0:
            raise PeerFailedError(f"{self._count:,} messages did not last until the end of the window: --count")
        return marks.add(time.monotonic(), sum(progress.values()))

    def _messages_left(self, done: Mapping[Partition, int]) -> float:
        """Messages until the first partition has none: from then on a process may have nothing to do."""
        if self._limits is None:
            return self._count - sum(done.values())
        return min(limit - done.get(partition, 0) for partition, limit in self._limits.items()) * len(self._limits)

    def _at_mark(self, marks: SteadyRate) -> tuple[Mark, float]:
        """The next mark, and the processor time used until then."""
        while not self._next(marks):
            pass
        return marks.last, self._used()

    def _reading(self, first: Mark, last: Mark, used: float, began: float, *, is_steady: bool) -> Reading:
        memory = sum(process.memory_info().rss for process in self._all()) / 2**20
        moved = max(1, last.done - first.done)
        start, warm_up = began - self._launched, first.at - began
        return Reading(rate(first, last), used / moved * 1e6, memory, start, warm_up, is_steady)

    def _still_running(self) -> None:
        if any(process.poll() is not None for process in self._processes):
            raise PeerFailedError("ended before its work was done")

    def _all(self) -> list[psutil.Process]:
        return [member for process in self._watched for member in (process, *process.children(recursive=True))]

    def _used(self) -> float:
        total = 0.0
        for process in self._all():
            times = process.cpu_times()
            total += times.user + times.system
        return total
