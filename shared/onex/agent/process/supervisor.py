"""Starts several processes of one node, restarts those that end, and drains them together."""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from types import FrameType

import structlog

log = structlog.get_logger(__name__)
_FIRST_WAIT, _LONGEST_WAIT, _HEALTHY = 0.5, 30.0, 60.0


class _Child:
    """One process, and the time when it may start again."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._wait = _FIRST_WAIT
        self._not_before = 0.0
        self._started = 0.0
        self.process: subprocess.Popen[bytes] | None = None

    def supervise(self) -> None:
        """Start the process when it does not run, not before its waiting time is over."""
        now = time.monotonic()
        if self.process is not None and self.process.poll() is not None:
            log.warning("instance ended", pid=self.process.pid, code=self.process.returncode)
            if now - self._started > _HEALTHY:
                self._wait = _FIRST_WAIT
            self._not_before = now + self._wait
            self._wait = min(self._wait * 2, _LONGEST_WAIT)
            self.process = None
        if self.process is None and now >= self._not_before:
            self.process = subprocess.Popen(self._command)
            self._started = now


def supervise(command: Sequence[str], instances: int, patience: float) -> int:
    """Keep ``instances`` processes of ``command`` running until SIGTERM or SIGINT; return the exit code.

    ``patience``: seconds that they get to drain.
    """
    stopping = False

    def stop(_: int, __: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    children = [_Child(command) for _ in range(instances)]
    while not stopping:
        for child in children:
            child.supervise()
        time.sleep(0.1)
    running = [child.process for child in children if child.process and child.process.poll() is None]
    for process in running:
        os.kill(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + patience
    code = 0
    for process in running:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.error("instance did not drain, killing it", pid=process.pid)
            process.kill()
            process.wait()
            code = 1
    return code
