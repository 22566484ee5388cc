"""Files below an open folder, reached name by name, so that no symlink leads elsewhere."""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from onex.errors import RejectedError
from onex.util.atomic_file import open_folder

_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
"""Without O_NONBLOCK, opening a named pipe would wait for its other end."""


@contextmanager
def parent_of(root: int, parts: Sequence[str], create_mode: int = 0) -> Iterator[int]:
    """Open the folder of a file and yield its descriptor. Create missing folders with ``create_mode``, unless 0.

    Raise FileNotFoundError for a missing folder, and OSError when a name is a symlink or no folder.
    """
    if len(parts) == 1:
        yield root
        return
    if create_mode:
        _create(root, parts[0], create_mode)
    with open_folder(parts[0], within=root) as inner, parent_of(inner, parts[1:], create_mode) as parent:
        yield parent


def _create(folder: int, name: str, mode: int) -> None:
    try:
        os.mkdir(name, mode, dir_fd=folder)
    except FileExistsError:
        return
    os.chmod(name, mode, dir_fd=folder)  # whatever the umask
    os.fsync(folder)


@contextmanager
def open_file(parent: int, name: str, flags: int, mode: int = 0) -> Iterator[int]:
    """Open a regular file and yield its descriptor. Raise RejectedError for anything else, OSError for a symlink."""
    descriptor = os.open(name, flags | _FLAGS, mode, dir_fd=parent)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise RejectedError("the path of a file leads to something that is no file")
        yield descriptor
    finally:
        os.close(descriptor)


def size_of(parent: int, name: str) -> int | None:
    """Return the size of a file, or None when there is none. Raise RejectedError for anything that is no file.

    A file with several names is refused too: an append would change what another name leads to.
    """
    try:
        status = os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        raise RejectedError("the path of a file leads to a folder, a symlink, or a file with several names")
    return status.st_size


def write_at(descriptor: int, content: bytes, offset: int) -> None:
    """Write all of the content from this byte on, and flush it to the disk."""
    rest = memoryview(content)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written
    os.fsync(descriptor)


def read_all(descriptor: int, limit: int) -> bytes:
    """Return the content. Raise RejectedError when it has more than ``limit`` bytes; no more is read."""
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise RejectedError(f"a file of more than {limit} bytes; files.max_file_bytes in the contract allows more")
    return content


def files_below(root: int, skipped: str) -> Iterator[str]:
    """Yield the path of each regular file in a folder and its subfolders, except the subfolder ``skipped``."""
    for folder, folders, names, descriptor in os.fwalk(".", dir_fd=root, onerror=_raise_unless_gone):
        if folder == "." and skipped in folders:
            folders.remove(skipped)
        for name in names:
            if _is_regular(descriptor, name):
                yield os.path.normpath(f"{folder}/{name}")


def _is_regular(folder: int, name: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False  # deleted since the folder was read


def _raise_unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error
