"""Notices changes of files, by comparing their sizes and times."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

_NOT_READ: Final = frozenset({"cases.yaml"})
"""Files of nodes that agents do not read."""
_SKIPPED_FOLDERS: Final = frozenset({"__pycache__", "node_modules"})
_SUFFIXES: Final = ("~", ".pyc", ".swp", ".swx", ".part", ".tmp")
"""Files that interpreters and editors make."""
_MOST_FILES: Final = 20_000
"""Files of a folder that are watched."""


class _Version(NamedTuple):
    """What changes with the content of a file."""

    modified_ns: int
    size_bytes: int
    inode: int


class FileWatch:
    """The files below some folders. Hidden files and those of editors are left out."""

    def __init__(self, roots: Callable[[], Sequence[Path]]) -> None:
        """``roots`` returns the folders and files to watch; it is called at each look."""
        self._roots = roots
        self._before = self._versions()
        self._pending: dict[Path, None] = {}

    @property
    def is_settling(self) -> bool:
        """Whether files have changed that :meth:`look` has not returned yet."""
        return bool(self._pending)

    def look(self) -> list[Path]:
        """Return the files that changed, once no file has changed since the previous look. Empty until then.

        An editor that writes several files, or one in several steps, causes one change.
        """
        now = self._versions()
        changed = [
            path
            for root in now.keys()
            & self._before.keys()  # a file is not new because its folder is watched from now on
            for path in {**self._before[root], **now[root]}
            if self._before[root].get(path) != now[root].get(path)
        ]
        self._before = now
        self._pending |= dict.fromkeys(changed)
        if changed or not self._pending:
            return []
        settled, self._pending = sorted(self._pending), {}
        return settled

    def _versions(self) -> Mapping[Path, Mapping[Path, _Version]]:
        """Return the versions of files by root."""
        return {root: {Path(entry): version for entry, version in _versions_in(root)} for root in self._roots()}


def _versions_in(root: Path) -> Iterator[tuple[str, _Version]]:
    for entry in islice(_files(root), _MOST_FILES):
        try:
            status = os.stat(entry)
        except OSError:  # it was removed meanwhile
            continue
        yield entry, _Version(status.st_mtime_ns, status.st_size, status.st_ino)


def _files(root: Path) -> Iterator[str]:
    if not root.is_dir():
        yield str(root)
        return
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in _SKIPPED_FOLDERS]
        yield from (os.path.join(folder, name) for name in names if _is_read(name))


def _is_read(name: str) -> bool:
    return not name.startswith((".", "#")) and not name.endswith(_SUFFIXES) and name not in _NOT_READ
