"""A name of an agent process that its next start has, too, so that it can fence the process before it."""

import fcntl
import socket
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path

from onex.errors import ConfigurationError

_MOST = 1000


@dataclass(slots=True)
class InstanceSlot:
    """Instance name and state folder. The process locks the slot until it ends."""

    name: str
    folder: Path
    _lock: TextIOWrapper

    def release(self) -> None:
        """Free the slot for the next process."""
        self._lock.close()


def take_instance_slot(home: Path, group: str, instance: str) -> InstanceSlot:
    """Lock the configured instance name, or the first free number on this host.

    Raises ConfigurationError when the name is in use.
    """
    base = home / "state" / group
    base.mkdir(parents=True, exist_ok=True)
    names = [instance] if instance else [f"{socket.gethostname()}-{number}" for number in range(_MOST)]
    for name in names:
        lock = (base / f"{name}.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        return InstanceSlot(name, base / name, lock)
    raise ConfigurationError(
        f"instance {instance or names[-1]!r} of {group} already runs here; set ONEX_INSTANCE to another name"
    )
