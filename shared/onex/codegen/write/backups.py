"""Copies of packages, from which an earlier one is restored.

A backup is one archive: tools that look for contracts do not find it. There are at most :data:`MOST_BACKUPS` of a
package; a further one removes the oldest.
"""

import io
import os
import re
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from onex.codegen.write import system
from onex.codegen.write.errors import WriteError
from onex.codegen.write.manifest import MANIFEST, manifest_of
from onex.codegen.write.package_reader import read_package
from onex.codegen.write.places import LARGEST_PACKAGE, MOST_FILES, checked_folder, refuse_link, refuse_outside
from onex.codegen.write.swap import locked, recover, replace_folder
from onex.errors import RejectedError

MOST_BACKUPS: Final = 10
LATEST: Final = "latest"
"""Names the newest backup."""
_FOLDER = (".onex", "backups")
_SUFFIX = ".zip"
_TIME = "%Y%m%dT%H%M%S.%fZ"
_NAME = re.compile(r"\d{8}T\d{6}\.\d{6}Z\.zip", re.ASCII)
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup on disk."""

    id: str
    """Its time in UTC, such as ``20260131T120000.000000Z``: ids are sorted as their times are."""
    file: Path


def list_backups(output: Path, package: str) -> list[Backup]:
    """Return the backups of a package, oldest first."""
    folder = _backup_folder(output, package)
    if not folder.is_dir():
        return []
    names = sorted(name for name in os.listdir(folder) if _NAME.fullmatch(name))
    return [Backup(name.removesuffix(_SUFFIX), folder / name) for name in names]


def save_backup(output: Path, package: str, content: Mapping[str, bytes], now: datetime) -> str:
    """Write a backup, and return its id. Remove the oldest ones beyond the limit. Raise WriteError."""
    folder = _backup_folder(output, package)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        backup_id = _next_id(list_backups(output, package), now)
        part = folder / f".{backup_id}.part"
        try:
            system.write_file(part, _archive(content))
            os.rename(part, folder / f"{backup_id}{_SUFFIX}")
            system.sync_folder(folder)
        except BaseException:
            with suppress(OSError):
                os.unlink(part)
            raise
        for old in list_backups(output, package)[:-MOST_BACKUPS]:
            os.unlink(old.file)
        for name in os.listdir(folder):
            if name.endswith(".part"):  # of a run that was killed
                os.unlink(folder / name)
    except OSError as error:
        raise WriteError(folder, error) from None
    return backup_id


def restore_package(output: Path, package: str, backup_id: str = LATEST, *, overwrite: bool = False) -> Backup:
    """Replace a package by its backup in one step, and return the backup.

    Raise RejectedError for an unknown id, for an archive that this module did not write, and without ``overwrite``
    for files that were changed by hand; WriteError when the system refuses. Nothing is changed then.
    """
    folder = checked_folder(output, package)
    backup = _named(list_backups(output, package), package, backup_id)
    content = _read(backup)
    try:
        if not folder.parent.is_dir():
            folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(folder.parent):
            recover(folder)
            existing = read_package(folder)
            manifest = manifest_of(existing.get(MANIFEST))
            lost = [
                str(folder / name)
                for name, text in existing.items()
                if name != MANIFEST and content.get(name) != text and not manifest.is_as_written(name, text)
            ]
            if lost and not overwrite:
                raise RejectedError(f"{', '.join(lost)}: changed by hand, and would be lost; pass --overwrite")
            if content != existing:
                replace_folder(folder, content)
    except OSError as error:
        raise WriteError(error.filename or folder, error) from None
    return backup


def _backup_folder(output: Path, package: str) -> Path:
    for parts in (_FOLDER[:1], _FOLDER):
        refuse_link(output.joinpath(*parts))
    return checked_folder(output.joinpath(*_FOLDER), package)


def _next_id(backups: list[Backup], now: datetime) -> str:
    """Return an id that is sorted after all others, also when the clock was set back."""
    moment = now.astimezone(UTC)
    if backups:
        last = datetime.strptime(backups[-1].id, _TIME).replace(tzinfo=UTC)
        moment = max(moment, last + timedelta(microseconds=1))
    return f"{moment:{_TIME}}"


def _named(backups: list[Backup], package: str, backup_id: str) -> Backup:
    if not backups:
        raise RejectedError(f"{package}: has no backup; --backup makes one when a package is written")
    if backup_id == LATEST:
        return backups[-1]
    for backup in backups:
        if backup.id == backup_id:
            return backup
    raise RejectedError(f"{package}: has no backup {backup_id[:64]!r}; there are {', '.join(b.id for b in backups)}")


def _archive(content: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in sorted(content.items()):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), text, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _read(backup: Backup) -> dict[str, bytes]:
    """Return the files of a backup. Raise RejectedError for an archive that is damaged, too large, or leads out."""
    content: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(backup.file) as archive:
            entries = archive.infolist()
            if len(entries) > MOST_FILES or sum(entry.file_size for entry in entries) > LARGEST_PACKAGE:
                raise RejectedError(f"{backup.file}: is larger than a package may be; use another backup")
            for entry in entries:
                refuse_outside(entry.filename)
                content[entry.filename] = archive.read(entry)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError):
        raise RejectedError(f"{backup.file}: is damaged; use another backup") from None
    return content
