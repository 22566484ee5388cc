"""The lock that keeps ``onex up`` and ``onex down`` from changing the same stack together."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onex.errors import ConfigurationError
from onex.settings import Settings

LOCK_FILE = "up.lock"


@contextmanager
def stack_lock(settings: Settings) -> Iterator[None]:
    """Hold the lock of ``ONEX_HOME`` in this block. Raise ConfigurationError when another process has it.

    The operating system releases the lock of a process that ends.
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
                f"{file}: another `onex up` or `onex down`{owner} changes this stack; wait until it has ended, then "
                "run it again"
            ) from None
        if not _is_same(lock.fileno(), file):
            raise ConfigurationError(f"{file}: `onex down --wipe` has just removed it; run the command again")
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def _is_same(descriptor: int, file: Path) -> bool:
    """Whether the open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), file.stat())
    except FileNotFoundError:
        return False
