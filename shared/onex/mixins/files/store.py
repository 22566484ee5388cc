"""Files on disk, without an event loop: all that blocks."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from onex.errors import RejectedError
from onex.mixins.files.appended import name_of, new_parts, steps_to_remember
from onex.mixins.files.change import Staged
from onex.mixins.files.commit import Areas, commit, finish_interrupted
from onex.mixins.files.failures import failures_of
from onex.mixins.files.journal import EnumArea, EnumStep, JournalStep, PreparedStep
from onex.mixins.files.lock import CommitLock
from onex.mixins.files.model_files_subcontract import ModelFilesSubcontract
from onex.mixins.files.paths import CHANGES
from onex.mixins.files.tree import files_below, open_file, parent_of, read_all, size_of
from onex.util.atomic_file import create_file, open_folder

_APPENDED = "appended"
_PRIVATE = 0o700
_PROBE = "probe"
_READERS = 0o444


class FileStore:
    """The open folder of a node. Threads may share it."""

    def __init__(self, settings: ModelFilesSubcontract, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        self._open = ExitStack()
        file_mode = int(settings.file_mode, 8)
        self._mode = file_mode
        self._folder_mode = _PRIVATE | (file_mode & _READERS) | (file_mode & _READERS) >> 2
        self.recovered = self.repeated = 0
        """Interrupted commits that were completed, and appends that had happened before."""
        with failures_of(folder), ExitStack() as stack:
            folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
            self._root = stack.enter_context(open_folder(folder.resolve()))
            changes = stack.enter_context(self._private(CHANGES, self._root))
            appended = stack.enter_context(self._private(_APPENDED, changes))
            self._areas = Areas(self._root, changes, appended, self._mode, self._folder_mode)
            self._lock = CommitLock(changes, settings.lock_timeout_seconds)
            stack.callback(self._lock.close)
            with self._lock.acquired():
                self.recovered += finish_interrupted(self._areas)
            self._open = stack.pop_all()

    @contextmanager
    def _private(self, name: str, within: int) -> Iterator[int]:
        with suppress(FileExistsError):
            os.mkdir(name, _PRIVATE, dir_fd=within)
        with open_folder(name, within=within) as folder:
            yield folder

    def close(self) -> None:
        """Close all descriptors. Safe to call twice."""
        self._open.close()

    def read(self, parts: Sequence[str]) -> bytes | None:
        """Return the content of a file, or None."""
        with failures_of(self._folder):
            try:
                with (
                    parent_of(self._root, parts) as parent,
                    open_file(parent, parts[-1], os.O_RDONLY) as descriptor,
                ):
                    return read_all(descriptor, self._settings.max_file_bytes)
            except FileNotFoundError:
                return None

    def exists(self, parts: Sequence[str]) -> bool:
        """Return whether there is a file."""
        with failures_of(self._folder):
            return self._size(parts) is not None

    def list(self, parts: Sequence[str]) -> Sequence[str]:
        """Return the paths of all files in a folder, sorted. Empty when there is no such folder."""
        most, prefix = self._settings.max_listed, "".join(f"{part}/" for part in parts)
        found: list[str] = []
        with failures_of(self._folder):
            try:
                with parent_of(self._root, (*parts, "")) as folder:
                    for name in files_below(folder, "" if parts else CHANGES):
                        found.append(prefix + name)
                        if len(found) > most:
                            raise RejectedError(
                                f"a folder with more than {most} files; files.max_listed in the contract allows more"
                            )
            except FileNotFoundError:
                return []
        return sorted(found)

    def commit(self, steps: Mapping[tuple[str, ...], Staged]) -> None:
        """Carry out all steps, or none when this raises an error. Complete interrupted commits first."""
        with failures_of(self._folder), self._lock.acquired():
            self.recovered += finish_interrupted(self._areas)
            prepared = [ready for parts, staged in steps.items() for ready in self._prepared(parts, staged)]
            commit(self._areas, prepared)

    def delete(self, parts: tuple[str, ...]) -> bool:
        """Delete a file. Return whether there was one."""
        existed = self.exists(parts)
        self.commit({parts: Staged(EnumStep.DELETE)})
        return existed

    def _prepared(self, parts: tuple[str, ...], staged: Staged) -> Iterator[PreparedStep]:
        """Yield the steps of a file for the journal. Raise RejectedError when one of them cannot be carried out."""
        path, name, appended = "/".join(parts), name_of(parts), self._areas.appended
        if staged.kind is EnumStep.DELETE:
            if self._size(parts) is not None:
                yield PreparedStep(JournalStep(kind=EnumStep.DELETE, path=path))
            if size_of(appended, name) is not None:
                yield PreparedStep(JournalStep(kind=EnumStep.DELETE, area=EnumArea.APPENDED, path=name))
            return
        with parent_of(self._root, parts, self._folder_mode) as parent:
            size = size_of(parent, parts[-1])
        if staged.kind is EnumStep.WRITE:
            yield PreparedStep(JournalStep(kind=EnumStep.WRITE, path=path), staged.content)
            return
        fresh = Staged(EnumStep.APPEND, new_parts(appended, name, staged.parts))
        self.repeated += len(staged.parts) - len(fresh.parts)
        offset, content = size or 0, fresh.content
        if offset + len(content) > self._settings.max_file_bytes:
            raise RejectedError(
                f"a file of {offset + len(content)} bytes, {self._settings.max_file_bytes} are allowed; "
                "files.max_file_bytes in the contract allows more"
            )
        if fresh.parts:
            yield PreparedStep(JournalStep(kind=EnumStep.APPEND, path=path, offset=offset), content)
            yield from steps_to_remember(appended, name, fresh.parts, self._settings.remembered_appends)

    def _size(self, parts: Sequence[str]) -> int | None:
        try:
            with parent_of(self._root, parts) as parent:
                return size_of(parent, parts[-1])
        except FileNotFoundError:
            return None

    def probe(self) -> None:
        """Write and delete a file. Raise OutageError when the disk refuses it."""
        with failures_of(self._folder), self._lock.acquired():
            finish_interrupted(self._areas)
            create_file(self._areas.changes, _PROBE, b"probe")
            os.unlink(_PROBE, dir_fd=self._areas.changes)
