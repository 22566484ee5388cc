"""Files that are whole after a crash: written next to their place, flushed to the disk, then renamed.

Folders are open file descriptors, so that nothing that is renamed meanwhile leads elsewhere.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

OWNER_ONLY = 0o600
"""Permissions of a file that only its owner may read and write."""
_NO_LINK = os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def open_folder(path: Path | str, *, within: int | None = None) -> Iterator[int]:
    """Open a folder and yield its descriptor. Raise OSError, also when the last part of the path is a symlink.

    ``within`` is the descriptor of the folder that a relative path starts from.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | _NO_LINK, dir_fd=within)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def create_file(folder: int, name: str, content: bytes, mode: int = OWNER_ONLY) -> None:
    """Create a file with these permissions, whatever the umask, and flush it to the disk.

    Raise FileExistsError when the name is in use, other OSErrors after the incomplete file is deleted.
    """
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK, OWNER_ONLY, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)
        raise


def replace_file(folder: int, name: str, content: bytes) -> None:
    """Create a file, or replace it, so that every reader sees the old content or the new one, also after a crash."""
    temporary = f".{uuid.uuid4().hex}.tmp"
    create_file(folder, temporary, content)
    try:
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        os.unlink(temporary, dir_fd=folder)
        raise
    os.fsync(folder)
