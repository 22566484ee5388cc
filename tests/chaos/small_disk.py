"""A state directory on a disk of its own, a few megabytes large: a tmpfs in a mount namespace of the process."""

import os
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_SIZE = "24m"
_FILLER = "filler"
_SCRIPT = 'mount -t tmpfs -o size={size} tmpfs "$0" && cat /dev/zero > "$0/{filler}" 2>/dev/null; exec "$@"'


def possible() -> bool:
    """Whether this user may mount in a namespace of its own: not in every container."""
    mount = ["mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run([*_unshare(), *mount], capture_output=True, check=False).returncode == 0


def full_disk(state: Path) -> Sequence[str]:
    """A command that runs what follows it with a full disk at ``state``; the mount ends with the process."""
    return [*_unshare(), "sh", "-c", _SCRIPT.format(size=_SIZE, filler=_FILLER), str(state)]


def _unshare() -> Sequence[str]:
    return ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]


def make_room(pid: int, state: Path) -> None:
    """Empty the disk of such a process."""
    _filler(pid, state).unlink()


def fill(pid: int, state: Path) -> None:
    """Fill it again."""
    with suppress(OSError), _filler(pid, state).open("wb", buffering=0) as file:
        while file.write(b"\0" * 65_536):
            pass


def _filler(pid: int, state: Path) -> Path:
    return Path(f"/proc/{pid}/root{state}") / _FILLER
