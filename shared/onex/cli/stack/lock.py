"""Locks of a stack: ``onex up`` and ``onex down`` do not change it together; one ``onex dev`` follows its files."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from onex.errors import ConfigurationError
from onex.settings import Settings

LOCK_FILE = "up.lock"


def stack_lock(settings: Settings) -> AbstractContextManager[None]:
    """Hold the lock of ``ONEX_HOME`` in this block. Raise ConfigurationError when another process has it.

    The operating system releases the lock of a process that ends.
    """
    return _locked(
        settings, LOCK_FILE, "another `onex up` or `onex down`{} changes this stack; wait until it has ended"
    )


def dev_lock(settings: Settings) -> AbstractContextManager[None]:
    """Hold the lock of the one ``onex dev`` in ``ONEX_HOME``, as :func:`stack_lock`."""
    return _locked(settings, "dev.lock", "another `onex dev`{} runs this stack; end it (Ctrl-C), or set ONEX_HOME")


@contextmanager
def _locked(settings: Settings, name: str, refusal: str) -> Iterator[None]:
    settings.home.mkdir(parents=True, exist_ok=True)
    file = settings.home / name
    with file.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            pid = lock.read(20).strip()
            owner = f" (process {pid})" if pid.isdecimal() else ""
            raise ConfigurationError(f"{file}: {refusal.format(owner)}, then run it again") from None
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
