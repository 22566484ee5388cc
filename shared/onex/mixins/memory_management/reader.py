"""The memory of this process and of its control group, as the Linux kernel reports them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import psutil
from typing_extensions import override

from onex.mixins.memory_management.protocol_memory_management import MemoryUse, ProtocolMemoryReader

_UNLIMITED: Final = 1 << 60
"""Version 1 writes the largest multiple of a page for no limit."""


class _Files(NamedTuple):
    """The files of one version of control groups, and the fields of ``memory.stat`` that the kernel can free."""

    limit: str
    use: str
    freeable: frozenset[str]


_V1: Final = _Files(
    "memory.limit_in_bytes",
    "memory.usage_in_bytes",
    frozenset({"total_inactive_file", "total_active_file"}),
)
_V2: Final = _Files("memory.max", "memory.current", frozenset({"inactive_file", "active_file", "slab_reclaimable"}))


class SystemMemory(ProtocolMemoryReader):
    """Reads files of ``/proc`` and ``/sys``. A system without control groups has no limit."""

    def __init__(self, mounted: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> None:
        """``mounted``: where control groups are mounted. ``own``: the file with those of this process."""
        self._process = psutil.Process()
        self._groups = _groups(mounted, _lines(own))

    @override
    def resident_bytes(self) -> int:
        return int(self._process.memory_info().rss)

    @override
    def group_use(self) -> MemoryUse | None:
        uses = [use for files, folder in self._groups if (use := _use(files, folder)) is not None]
        return min(uses, key=lambda use: use.budget_bytes - use.used_bytes, default=None)


def _groups(mounted: Path, lines: Sequence[str]) -> list[tuple[_Files, Path]]:
    """Return the group of this process and those around it.

    In a container the mounted folder is the group itself and has no folder of its name; so folders may be missing.
    """
    found: list[tuple[_Files, Path]] = []
    for line in lines:
        _, controllers, name = line.split(":", 2)
        if not controllers:
            files, top = _V2, mounted
        elif "memory" in controllers.split(","):
            files, top = _V1, mounted / "memory"
        else:
            continue
        parts = [part for part in name.split("/") if part not in ("", "..")]
        found += [(files, top.joinpath(*parts[:depth])) for depth in range(len(parts), -1, -1)]
    return found


def _use(files: _Files, folder: Path) -> MemoryUse | None:
    limit, used = _number(folder / files.limit), _number(folder / files.use)
    if limit is None or used is None or not 0 < limit < _UNLIMITED:
        return None
    freeable = sum(value for name, value in _statistics(folder / "memory.stat") if name in files.freeable)
    return MemoryUse(max(0, used - freeable), limit)


def _number(file: Path) -> int | None:
    """Return the number in a file. None for ``max``, and without the file."""
    lines = _lines(file)
    return int(lines[0]) if lines and lines[0].isdecimal() else None


def _statistics(file: Path) -> Iterator[tuple[str, int]]:
    for line in _lines(file):
        name, _, value = line.partition(" ")
        if value.isdecimal():
            yield name, int(value)


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
