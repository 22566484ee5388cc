"""A name for an agent process that survives its restart, so that the next one can fence it at once."""

import fcntl
import socket
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path

from onex.errors import ConfigurationError

_MOST = 1000


@dataclass(slots=True)
class InstanceSlot:
    """Instance name and state folder; the lock is held until the process ends."""

    name: str
    folder: Path
    _lock: TextIOWrapper

    def release(self) -> None:
        """Give the slot to the next process."""
        self._lock.close()


def take_instance_slot(home: Path, group: str, instance: str) -> InstanceSlot:
    """The configured instance name, or the first free number on this host; raises ConfigurationError."""
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
        f"instance {instance or names[-1]!r} of {group} already runs here; give ONEX_INSTANCE another name"
    )
