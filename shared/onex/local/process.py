"""Child processes, which end with their parent where the caller asks for that, and which can always be stopped."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from onex.util.parent_death import PR_SET_PDEATHSIG

_TIED = f"""
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None, use_errno=True).prctl({PR_SET_PDEATHSIG}, signal.SIGTERM)
    if os.getppid() != int(sys.argv[1]):
        sys.exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""


def spawn(
    command: Sequence[str], log: Path, *, tied: bool, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a process with its output in ``log``. ``tied``: it gets SIGTERM when this process ends (Linux)."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if tied:
        command = [sys.executable, "-I", "-S", "-c", _TIED, str(os.getpid()), *command]
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )


def alive(pid: int, started: float) -> bool:
    """Return whether a process still runs. The start time tells it from a later process with the same pid."""
    try:
        return abs(psutil.Process(pid).create_time() - started) < 1.0 and runs(pid)
    except psutil.NoSuchProcess:
        return False


def runs(pid: int, since: float | None = None) -> bool:
    """Return whether a process runs that began before ``since``.

    A zombie does not run. In a container without an init process it stays for as long as the container runs.
    """
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and (since is None or process.create_time() <= since)
    except psutil.NoSuchProcess:
        return False


def started_at(pid: int) -> float:
    """Return the creation time of a process, which together with the pid is unique."""
    return psutil.Process(pid).create_time()


def stop(pid: int, started: float, patience: float) -> bool:
    """Send SIGTERM, wait, send SIGKILL. Return whether SIGTERM ended the process within ``patience`` seconds."""
    return not stop_all([(pid, started)], patience)


def stop_all(
    processes: Sequence[tuple[int, float]], patience: float, how: signal.Signals = signal.SIGTERM
) -> list[int]:
    """Stop several processes together, as :func:`stop` does; return the pids that were killed.

    ``processes``: pids and creation times.
    """
    running = [process for process in processes if alive(*process)]
    for pid, _ in running:
        with suppress(ProcessLookupError):
            os.kill(pid, how)
    deadline = time.monotonic() + patience
    while running := [process for process in running if alive(*process)]:
        if time.monotonic() > deadline:
            for pid, _ in running:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return [pid for pid, _ in running]
        time.sleep(0.02)
    return []


def tail(log: Path, lines: int = 15) -> str:
    """Return the last lines of a log file, for error messages."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
