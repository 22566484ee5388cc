"""Reads the files that a package has on disk."""

import os
from collections.abc import Iterator
from pathlib import Path

from onex.codegen.write.places import LARGEST_PACKAGE, MOST_FILES, refuse_link
from onex.errors import RejectedError

_NOT_CONTENT = frozenset({"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"})
"""Folders that tools fill: they belong to no package, and nothing is lost with them."""


def read_package(folder: Path) -> dict[str, bytes]:
    """Return the content of each file by its path below the folder; empty when there is no such folder.

    Raise RejectedError for symbolic links, special files, and for more than a package may have.
    """
    content: dict[str, bytes] = {}
    size = 0
    for file in _files(folder):
        size += file.stat().st_size
        if size > LARGEST_PACKAGE or len(content) == MOST_FILES:
            limits = f"{MOST_FILES} files or {LARGEST_PACKAGE // 1024 // 1024} MiB"
            raise RejectedError(f"{folder}: has more than {limits}; move what is no part of the node")
        content[file.relative_to(folder).as_posix()] = file.read_bytes()
    return content


def _files(folder: Path) -> Iterator[Path]:
    if not folder.exists():
        return
    for entry in sorted(os.listdir(folder)):
        path = folder / entry
        if entry in _NOT_CONTENT:
            continue
        refuse_link(path)
        if path.is_dir():
            yield from _files(path)
        elif path.is_file():
            yield path
        else:
            raise RejectedError(f"{path}: is neither a file nor a folder; remove it")
