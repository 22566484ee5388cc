"""One commit at a time, in this process and among all instances on the machine."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from onex.errors import OutageError

_NAME = "lock"
_INTERVAL = 0.005
"""Seconds between two attempts to get the lock of another process."""


class CommitLock:
    """A lock of threads, and a lock file (``flock``) that the operating system releases when a process ends."""

    def __init__(self, folder: int, timeout: float) -> None:
        self._threads = Lock()
        self._timeout = timeout
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.open(_NAME, flags, 0o600, dir_fd=folder)

    @contextmanager
    def acquired(self) -> Iterator[None]:
        """Hold the lock. Raise OutageError when it is not free within the time limit."""
        deadline = time.monotonic() + self._timeout
        if not self._threads.acquire(timeout=self._timeout):
            raise OutageError(f"files: another commit takes longer than {self._timeout:g} s")
        try:
            self._lock_file(deadline)
            try:
                yield
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)
        finally:
            self._threads.release()

    def _lock_file(self, deadline: float) -> None:
        while True:
            try:
                return fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise OutageError(f"files: another process commits for longer than {self._timeout:g} s") from None
            time.sleep(_INTERVAL)

    def close(self) -> None:
        """Close the lock file."""
        os.close(self._file)
