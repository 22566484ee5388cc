"""Calls of the operating system that an atomic replacement is made of. Each leaves its work on the disk."""

import ctypes
import errno
import os
import shutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_AT_CWD = -100
_EXCHANGE = 2
"""``RENAME_EXCHANGE`` of Linux."""


def write_tree(folder: Path, files: Mapping[str, bytes]) -> None:
    """Create a folder with these files, and wait until the disk has them."""
    os.mkdir(folder)
    made = {folder}
    for name, content in files.items():
        file = folder / name
        missing = [parent for parent in file.parents if parent not in made and folder in parent.parents]
        for parent in reversed(missing):
            os.mkdir(parent)
            made.add(parent)
        write_file(file, content)
    for each in made:
        sync_folder(each)


def write_file(file: Path, content: bytes) -> None:
    """Create a file, and wait until the disk has it."""
    number = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        remaining = memoryview(content)
        while remaining:
            remaining = remaining[os.write(number, remaining) :]
        os.fsync(number)
    finally:
        os.close(number)


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step. Return False where the system or the file system cannot."""
    rename = _renameat2()
    if rename is None:
        return False
    if rename(_AT_CWD, os.fsencode(one), _AT_CWD, os.fsencode(other), _EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        return False
    raise OSError(number, os.strerror(number), str(other))


@cache
def _renameat2() -> "ctypes._NamedFuncPointer | None":
    try:
        return ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return None


def remove_tree(folder: Path) -> None:
    """Remove a folder. One that is not there is no error."""
    if folder.exists():
        shutil.rmtree(folder)
