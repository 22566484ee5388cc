"""Commits: all steps of a change, or none, also when the process or the machine stops between two of them.

The contents are written and flushed first, then the journal. From then on the change is committed: whoever has the
lock next carries out what is left. A folder without a journal is an interrupted preparation, and is deleted.
"""

import os
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from pydantic import ValidationError

from onex.errors import OutageError, RejectedError
from onex.mixins.files.journal import JOURNAL, EnumArea, EnumStep, Journal, JournalStep, PreparedStep
from onex.mixins.files.paths import CHANGES, parts_of
from onex.mixins.files.tree import open_file, parent_of, write_at
from onex.util.atomic_file import create_file, open_folder, replace_file

_OWN = frozenset({"lock", "appended"})
_PRIVATE = 0o700


@dataclass(frozen=True, slots=True)
class Areas:
    """Open folders, and permissions of what is created in them."""

    files: int
    changes: int
    appended: int
    file_mode: int
    folder_mode: int

    def root(self, step: JournalStep) -> int:
        """Return the folder in which the path of a step begins."""
        return self.files if step.area is EnumArea.FILES else self.appended


def commit(areas: Areas, steps: Sequence[PreparedStep]) -> None:
    """Carry out all steps. Raise OSError before any of them, or leave a journal that a later call completes."""
    match [prepared.step.kind for prepared in steps]:
        case []:
            return
        case [EnumStep.WRITE]:
            _write_one(areas, steps[0])
        case [EnumStep.DELETE]:
            _delete(areas, steps[0].step)
        case _:
            _commit_all(areas, steps)


def _write_one(areas: Areas, prepared: PreparedStep) -> None:
    """Write one file without a journal: its rename is the commit."""
    name = uuid.uuid4().hex
    create_file(areas.changes, name, prepared.content, areas.file_mode)
    try:
        _move(areas, areas.changes, name, prepared.step)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=areas.changes)
        raise


def _commit_all(areas: Areas, steps: Sequence[PreparedStep]) -> None:
    name = uuid.uuid4().hex
    os.mkdir(name, _PRIVATE, dir_fd=areas.changes)
    try:
        with open_folder(name, within=areas.changes) as folder:
            for number, prepared in enumerate(steps):
                if prepared.step.kind is not EnumStep.DELETE:
                    create_file(folder, str(number), prepared.content, areas.file_mode)
            os.fsync(areas.changes)
            journal = Journal(steps=tuple(prepared.step for prepared in steps))
            replace_file(folder, JOURNAL, journal.model_dump_json().encode())
    except BaseException:
        _discard(areas, name)
        raise
    _complete(areas, name)


def finish_interrupted(areas: Areas) -> int:
    """Complete commits that were interrupted, and delete what was not committed. Return the number of commits.

    The caller has the lock, so no other process is in a commit.
    """
    completed = 0
    for name in sorted(set(os.listdir(areas.changes)) - _OWN):
        if _is_committed(areas, name):
            _complete(areas, name)
            completed += 1
        else:
            _discard(areas, name)
    return completed


def _is_committed(areas: Areas, name: str) -> bool:
    try:
        os.stat(f"{name}/{JOURNAL}", dir_fd=areas.changes, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _complete(areas: Areas, name: str) -> None:
    """Carry out what is left of a committed change, then delete it. Raise OutageError: the change stays committed."""
    try:
        _carry_out(areas, name)
    except (OSError, RejectedError, ValidationError) as error:
        reason = error.strerror if isinstance(error, OSError) else type(error).__name__
        raise OutageError(
            f"the change in {CHANGES}/{name} is committed and cannot be completed ({reason}); "
            "repair the file that it names, or move the folder away"
        ) from error
    _discard(areas, name)


def _carry_out(areas: Areas, name: str) -> None:
    with open_folder(name, within=areas.changes) as folder:
        for number, step in enumerate(_read(folder).steps):
            match step.kind:
                case EnumStep.WRITE:
                    with suppress(FileNotFoundError):  # it was moved before
                        _move(areas, folder, str(number), step)
                case EnumStep.APPEND:
                    _append(areas, folder, str(number), step)
                case _:
                    _delete(areas, step)
        os.unlink(JOURNAL, dir_fd=folder)
        # A journal that came back after a crash would undo the changes that follow.
        os.fsync(folder)


def _read(folder: int) -> Journal:
    with open_file(folder, JOURNAL, os.O_RDONLY) as descriptor, os.fdopen(descriptor, "rb", closefd=False) as file:
        return Journal.model_validate_json(file.read())


def _move(areas: Areas, folder: int, name: str, step: JournalStep) -> None:
    parts = parts_of(step.path)
    with parent_of(areas.root(step), parts, areas.folder_mode) as parent:
        os.replace(name, parts[-1], src_dir_fd=folder, dst_dir_fd=parent)
        os.fsync(parent)


def _append(areas: Areas, folder: int, name: str, step: JournalStep) -> None:
    with open_file(folder, name, os.O_RDONLY) as staged, os.fdopen(staged, "rb", closefd=False) as file:
        content = file.read()
    parts = parts_of(step.path)
    with (
        parent_of(areas.root(step), parts, areas.folder_mode) as parent,
        open_file(parent, parts[-1], os.O_WRONLY | os.O_CREAT, areas.file_mode) as descriptor,
    ):
        if not step.offset:
            os.fchmod(descriptor, areas.file_mode)  # a new file, whatever the umask
        write_at(descriptor, content, step.offset)
        os.fsync(parent)


def _delete(areas: Areas, step: JournalStep) -> None:
    parts = parts_of(step.path)
    with suppress(FileNotFoundError), parent_of(areas.root(step), parts) as parent:
        os.unlink(parts[-1], dir_fd=parent)
        os.fsync(parent)


def _discard(areas: Areas, name: str) -> None:
    """Delete a file, or a folder with its files, of a change that is complete or not committed."""
    try:
        os.unlink(name, dir_fd=areas.changes)
    except IsADirectoryError:
        with open_folder(name, within=areas.changes) as folder:
            with suppress(FileNotFoundError):
                # First, and for good: with the journal, the rest would look like a committed change.
                os.unlink(JOURNAL, dir_fd=folder)
                os.fsync(folder)
            for inner in os.listdir(folder):
                os.unlink(inner, dir_fd=folder)
        os.rmdir(name, dir_fd=areas.changes)
