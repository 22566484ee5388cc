"""Speed and processor time of a peer, seen from outside while it runs."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from subprocess import Popen

import psutil

from onex.bus.protocols import Partition

Progress = Callable[[], Mapping[Partition, int]]
_EVERY = 0.02
_START_LIMIT = 120.0


class PeerFailedError(Exception):
    """A peer ended, or never began to work."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was measured in one run."""

    rate: float
    """Messages a second."""
    cpu: float
    """Microseconds of processor time a message, all processes and threads of the peer."""
    memory: float
    """MiB at the end, of all its processes."""


def measure(processes: Sequence[Popen[bytes]], progress: Progress, count: int, window: float) -> Reading:
    """From the first progress until ``count`` messages are done, at most ``window`` seconds.

    With several processes from the moment when every partition moves: all of them are at work then.
    """
    moving = all if len(processes) > 1 else any
    watched = [psutil.Process(process.pid) for process in processes]
    limit = time.monotonic() + _START_LIMIT
    while not moving((done := progress()).values()):
        if time.monotonic() > limit or any(process.poll() is not None for process in processes):
            raise PeerFailedError(f"no progress: {dict(done)}")
        time.sleep(_EVERY)
    began, done_then, used_then = time.perf_counter(), sum(done.values()), _used(watched)
    while True:
        time.sleep(_EVERY)
        done_now, now = sum(progress().values()), time.perf_counter()
        if done_now >= count or now - began >= window:
            break
        if any(process.poll() is not None for process in processes):
            raise PeerFailedError("ended before its work was done")
    used, moved = _used(watched) - used_then, max(1, done_now - done_then)
    memory = sum(process.memory_info().rss for process in _all(watched)) / 2**20
    return Reading(moved / (now - began), used / moved * 1e6, memory)


def _all(watched: Sequence[psutil.Process]) -> list[psutil.Process]:
    return [member for process in watched for member in (process, *process.children(recursive=True))]


def _used(watched: Sequence[psutil.Process]) -> float:
    total = 0.0
    for process in _all(watched):
        times = process.cpu_times()
        total += times.user + times.system
    return total
