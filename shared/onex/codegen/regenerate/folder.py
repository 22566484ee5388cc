"""Reads an existing node folder. It may be anything: sizes are bounded, and nothing in it is executed."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from onex.codegen.regenerate.notes import refuse

MOST_FILES: Final = 1_000
LARGEST_FILE: Final = 1 << 20
"""Bytes."""
LARGEST_FOLDER: Final = 16 << 20
"""Bytes."""
_DEEPEST_FOLDER = 16


@dataclass(frozen=True, slots=True)
class NodeFolder:
    """The texts of a node folder, by path below it with ``/``."""

    path: Path
    texts: dict[str, str]
    others: tuple[str, ...]
    """Paths of files that are no UTF-8 text. A regeneration leaves them alone."""

    @property
    def module(self) -> str:
        """Dotted name under which the files of the folder import each other."""
        return f"{self.path.parent.name}.{self.path.name}"


def read_folder(folder: Path) -> NodeFolder:
    """Read the files of a node folder, without caches and hidden files.

    A folder that does not exist has no files. Raise ContractError for a folder that is too large, and for a link that
    leads out of it.
    """
    root = folder.resolve()
    texts: dict[str, str] = {}
    others: list[str] = []
    total = 0
    for number, path in enumerate(_files(root)):
        name = path.relative_to(root).as_posix()
        if number >= MOST_FILES:
            refuse(folder, 1, "folder", f"has more than {MOST_FILES} files", "name the folder of one node version")
        if not path.resolve().is_relative_to(root):
            refuse(folder / name, 1, "file", "is a link out of the folder", "replace it with the file")
        if not path.is_file():
            refuse(folder / name, 1, "file", "is no regular file", "remove it")
        data = _bytes(path, folder / name)
        total += len(data)
        if total > LARGEST_FOLDER:
            refuse(folder, 1, "folder", f"has more than {LARGEST_FOLDER} bytes", "move data out of the package")
        try:
            texts[name] = data.decode("utf-8")
        except UnicodeDecodeError:
            if name.endswith((".py", ".yaml")):
                refuse(folder / name, 1, "file", "is no UTF-8", "save it as UTF-8")
            others.append(name)
    return NodeFolder(root, texts, tuple(others))


def _bytes(path: Path, shown: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        refuse(shown, 1, "file", f"cannot be read: {error.strerror}", "check the permissions")
    if len(data) > LARGEST_FILE:
        refuse(shown, 1, "file", f"has more than {LARGEST_FILE} bytes", "split it, or move data out of the package")
    return data


def _files(root: Path) -> Iterator[Path]:
    """Yield the files below a folder, sorted, without following links to folders."""
    for at, folders, names in os.walk(root):
        depth = len(Path(at).relative_to(root).parts)
        folders[:] = sorted(name for name in folders if _counts(name) and depth < _DEEPEST_FOLDER)
        yield from (Path(at) / name for name in sorted(names) if _counts(name))


def _counts(name: str) -> bool:
    return not name.startswith(".") and name != "__pycache__" and not name.endswith((".pyc", ".egg-info"))
