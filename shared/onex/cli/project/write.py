"""Writes the files of a new folder: all, or none."""

import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path

from onex.errors import ConfigurationError, RejectedError


def write_new_folder(folder: Path, files: Mapping[str, str]) -> None:
    """Write files, by path below ``folder``, which is new or empty.

    Raise RejectedError for a folder that is not empty, a file or a symbolic link; ConfigurationError when the system
    refuses. Nothing is left then.
    """
    try:
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            raise RejectedError(f"{folder}: is no folder; name one that is new or empty with --folder")
        if folder.exists() and any(folder.iterdir()):
            raise RejectedError(f"{folder}: is not empty; name a folder that is new or empty with --folder")
        _write(folder.resolve(), files)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigurationError(f"{folder}: cannot be written: {reason}; name another one with --folder") from None


def _write(folder: Path, files: Mapping[str, str]) -> None:
    """Write next to the places of the files, then move: a folder that is replaced would be lost to a shell in it."""
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{uuid.uuid4().hex}.part"
    moved: list[Path] = []
    try:
        for name, text in files.items():
            path = part / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        for entry in sorted(part.iterdir()):
            moved.append(entry.rename(folder / entry.name))
    except BaseException:
        for path in (*moved, *([folder] if is_new else [])):
            _remove(path)
        raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
