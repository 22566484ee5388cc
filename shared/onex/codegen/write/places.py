"""Where the files of a package may be written."""

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Final

from onex.errors import RejectedError

MOST_FILES: Final = 2_000
"""Files of a package, with those that a person added."""
LARGEST_PACKAGE: Final = 64 * 1024 * 1024
"""Bytes of all files of a package, with those that a person added."""
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}", re.ASCII)
_LONGEST = 400


def checked_name(name: str) -> PurePosixPath:
    """Return a relative path. Raise RejectedError for one that leads out of its folder, or that is no plain path."""
    path = PurePosixPath(name)
    # Compared with its text, because a path drops double slashes and dots.
    plain = len(name) <= _LONGEST and str(path) == name and not path.is_absolute()
    if not plain or not path.parts or not all(_PART.fullmatch(part) for part in path.parts):
        raise RejectedError(f"{name[:_LONGEST]!r}: not a path inside of a package; use letters, digits, _, - and .")
    return path


def package_of(names: Iterable[str]) -> str:
    """Return ``NAME/VERSION``, the folder that all files share. Raise RejectedError when they share none."""
    folders = {"/".join(path.parts[:2]) for path in map(checked_name, names) if len(path.parts) > 2}
    if len(folders) != 1 or any(len(checked_name(name).parts) < 3 for name in names):
        raise RejectedError("the files of a package must be in one folder NAME/VERSION; render them again")
    return folders.pop()


def checked_folder(output: Path, package: str) -> Path:
    """Return the folder of a package. Raise RejectedError for a symbolic link, or a file, on the way to it.

    ``output`` itself may be reached by links: its user named it.
    """
    here = output
    for part in checked_name(package).parts:
        here = here / part
        refuse_link(here)
        if here.exists() and not here.is_dir():
            raise RejectedError(f"{here}: is a file, and the package needs a folder there; move it")
    return here


def refuse_link(path: Path) -> None:
    """Raise RejectedError for a symbolic link: it could lead anywhere."""
    if path.is_symlink():
        raise RejectedError(f"{path}: is a symbolic link, which is not followed; replace it by a folder or a file")


def services_folder(output: Path, package: str) -> Path:
    """Return the services folder for an output that names it, the folder of the node, or that of its version."""
    name, version = package.split("/")
    match output.parts[-2:]:
        case [*_, before, last] if (before, last) == (name, version):
            return output.parent.parent
        case [*_, last] if last == name:
            return output.parent
        case _:
            return output


def refuse_outside(name: str) -> None:
    """Raise RejectedError for the name of a file that is not below the folder to which it is relative."""
    path = PurePosixPath(name)
    if path.is_absolute() or str(path) != name or not path.name or ".." in path.parts or "\0" in name:
        raise RejectedError(f"{name[:_LONGEST]!r}: leads out of the package")
