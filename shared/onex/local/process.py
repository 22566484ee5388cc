"""Child processes that end with their parent where that is wanted, and that can always be stopped."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

_TIED = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGTERM)
    if os.getppid() != int(sys.argv[1]):
        sys.exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""


def spawn(
    command: Sequence[str], log: Path, *, tied: bool, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a process with its output in ``log``. ``tied``: it gets SIGTERM when this process dies (Linux)."""
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
    """Whether that very process still runs: a pid alone may have been given to another one."""
    try:
        return abs(psutil.Process(pid).create_time() - started) < 1.0 and runs(pid)
    except psutil.NoSuchProcess:
        return False


def runs(pid: int, since: float | None = None) -> bool:
    """Whether a process runs that began before ``since``. One that has ended may stay a zombie: in a container
    without an init process for as long as that runs."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and (since is None or process.create_time() <= since)
    except psutil.NoSuchProcess:
        return False


def started_at(pid: int) -> float:
    """Creation time of a process, which with the pid names it for good."""
    return psutil.Process(pid).create_time()


def stop(pid: int, started: float, patience: float) -> bool:
    """SIGTERM, wait, SIGKILL. Gives whether it ended within ``patience`` seconds by itself."""
    return not stop_all([(pid, started)], patience)


def stop_all(
    processes: Sequence[tuple[int, float]], patience: float, how: signal.Signals = signal.SIGTERM
) -> list[int]:
    """All together, as :func:`stop`; pids and creation times. Gives the pids that had to be killed."""
    left = [known for known in processes if alive(*known)]
    for pid, _ in left:
        with suppress(ProcessLookupError):
            os.kill(pid, how)
    deadline = time.monotonic() + patience
    while left := [known for known in left if alive(*known)]:
        if time.monotonic() > deadline:
            for pid, _ in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return [pid for pid, _ in left]
        time.sleep(0.02)
    return []


def tail(log: Path, lines: int = 15) -> str:
    """Last lines of a log file, for error messages."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
