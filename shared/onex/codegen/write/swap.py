"""Replaces a folder by another one in one step, and repairs what an interrupted run left.

The new content is written to a sibling. Where the system can exchange two folders, one call replaces the old one.
Elsewhere there are two renames, and a run that ends between them leaves the old content under a name from which
:func:`recover` brings it back.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from onex.codegen.write import system
from onex.codegen.write.errors import WriteError
from onex.errors import RejectedError

_NEW, _OLD = ".new", ".old"


def sibling(folder: Path, suffix: str) -> Path:
    """Return a hidden folder next to ``folder``."""
    return folder.with_name(f".{folder.name}{suffix}")


def replace_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make the folder have exactly these files. Raise WriteError, which says whether the folder is as it was."""
    new, old = sibling(folder, _NEW), sibling(folder, _OLD)
    try:
        system.write_tree(new, files)
        if not folder.exists():
            os.rename(new, folder)
        elif not system.exchange(new, folder):
            os.rename(folder, old)
            try:
                os.rename(new, folder)
            except OSError:
                os.rename(old, folder)
                raise
    except OSError as error:
        _forget(new)
        raise WriteError(folder, error) from None
    except BaseException:  # an interrupt
        _forget(new)
        raise
    _forget(new)  # after an exchange it has the old content
    _forget(old)
    try:
        system.sync_folder(folder.parent)
    except OSError as error:
        raise WriteError(folder, error, "the new files are there, and the disk did not confirm them") from None


def recover(folder: Path) -> None:
    """Undo or finish what an interrupted run left. The folder has its old or its new content, never a mixture."""
    new, old = sibling(folder, _NEW), sibling(folder, _OLD)
    try:
        if old.exists() and not folder.exists():
            os.rename(old, folder)
        system.remove_tree(old)
        system.remove_tree(new)
    except OSError as error:
        raise WriteError(folder, error) from None


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other runs from writing in a folder. Raise RejectedError when one does. A run that is killed unlocks."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RejectedError(f"{folder}: another run writes there; wait for its end") from None
        yield
    finally:
        os.close(number)


def _forget(folder: Path) -> None:
    """Remove a folder that has no further use. One that stays is removed by the next run."""
    with suppress(OSError):
        system.remove_tree(folder)
