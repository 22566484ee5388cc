"""The lock that keeps two ``onex up`` from starting the same stack."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from onex.errors import ConfigurationError
from onex.settings import Settings

LOCK_FILE = "up.lock"


@contextmanager
def stack_lock(settings: Settings) -> Iterator[None]:
    """Hold the lock of ``ONEX_HOME`` in this block. Raise ConfigurationError when another process has it.

    The operating system releases the lock of a process that ends. The file stays: without it, two processes could
    lock two files of the same name.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    file = settings.home / LOCK_FILE
    with file.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            pid = lock.read(20).strip()
            owner = f" (process {pid})" if pid.isdecimal() else ""
            raise ConfigurationError(
                f"{file}: another `onex up`{owner} starts this stack; wait until it has ended, then run it again"
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield
