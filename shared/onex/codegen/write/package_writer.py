"""Writes a rendered package over the package on disk."""

import os
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from onex.codegen.write.backups import save_backup
from onex.codegen.write.errors import WriteError
from onex.codegen.write.manifest import MANIFEST, Manifest, digest, manifest_of
from onex.codegen.write.package_reader import read_package
from onex.codegen.write.places import checked_folder, package_of
from onex.codegen.write.swap import locked, recover, replace_folder
from onex.contract.load import FILE_NAME
from onex.errors import RejectedError


@dataclass(frozen=True, slots=True)
class WriteReport:
    """What a writing changed. Paths are below the folder of the version."""

    folder: Path
    written: tuple[str, ...]
    """Files with new content."""
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]
    """Files of an earlier generation that are not rendered any more."""
    backup: str = ""
    """Id of the backup; empty without one."""


def write_package(
    files: Mapping[str, str],
    output: Path,
    *,
    overwrite: bool = False,
    backup: bool = False,
    base: Mapping[str, str] | None = None,
    replaced: str | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> WriteReport:
    """Write all files of a package below ``output``, or none. Files that a person added stay.

    ``base`` is what was rendered, when ``files`` were merged from it and from what a person wrote: they may be
    replaced then. ``replaced`` is the text of a contract from which the new one was made: it may be replaced on disk
    as well. Any other file that was changed by hand is replaced with ``overwrite`` only. Raise RejectedError for such
    a file, for symbolic links and for paths that lead out; WriteError when the system refuses. Nothing is changed
    then.
    """
    package = package_of(files)
    folder = checked_folder(output, package)
    rendered = {name.removeprefix(f"{package}/"): text.encode() for name, text in files.items()}
    generated = {name.removeprefix(f"{package}/"): text for name, text in (files if base is None else base).items()}
    try:
        if not folder.parent.is_dir():
            folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(folder.parent):
            recover(folder)
            existing = read_package(folder)
            if not overwrite:
                _refuse_loss(folder, existing, _guarded(existing, rendered, replaced, is_merged=base is not None))
            stale = stale_files(existing, rendered)
            content = {name: text for name, text in existing.items() if name not in stale}
            content |= rendered
            content.pop(MANIFEST, None)
            written = {name: digest(text) for name, text in content.items()}
            content[MANIFEST] = Manifest(generated, written).content()
            changed = tuple(name for name in rendered if existing.get(name) != rendered[name])
            saved = save_backup(output, package, existing, now()) if backup and existing else ""
            if content != existing:
                replace_folder(folder, content)
    except OSError as error:
        raise WriteError(error.filename or folder, error) from None
    unchanged = tuple(name for name in rendered if name not in changed)
    return WriteReport(folder, changed, unchanged, tuple(sorted(stale)), saved)


def refuse_loss(
    files: Mapping[str, str], output: Path, *, base: Mapping[str, str] | None = None, replaced: str | None = None
) -> None:
    """Raise RejectedError when :func:`write_package` without ``overwrite`` would. Nothing is written."""
    package = package_of(files)
    folder = checked_folder(output, package)
    existing = read_package(folder)
    rendered = {name.removeprefix(f"{package}/"): text.encode() for name, text in files.items()}
    _refuse_loss(folder, existing, _guarded(existing, rendered, replaced, is_merged=base is not None))


def hand_changed(existing: Mapping[str, bytes], rendered: Mapping[str, bytes]) -> list[str]:
    """Return the files that a person changed, and whose content the rendered files do not have."""
    manifest = manifest_of(existing.get(MANIFEST))
    return [
        name
        for name, content in existing.items()
        if name in rendered and content != rendered[name] and not manifest.is_unchanged(name, content)
    ]


def _guarded(
    existing: Mapping[str, bytes], rendered: Mapping[str, bytes], replaced: str | None, *, is_merged: bool
) -> dict[str, bytes]:
    """Return the files that must not be lost. A merge has taken over what a person wrote, except in the contract."""
    names = {FILE_NAME} & rendered.keys() if is_merged else set(rendered)
    if replaced is not None and existing.get(FILE_NAME) == replaced.encode():
        names.discard(FILE_NAME)
    return {name: rendered[name] for name in rendered if name in names}


def _refuse_loss(folder: Path, existing: Mapping[str, bytes], rendered: Mapping[str, bytes]) -> None:
    if lost := hand_changed(existing, rendered):
        names = ", ".join(str(folder / name) for name in lost)
        raise RejectedError(
            f"{names}: changed by hand, and would be lost; pass --overwrite (with --backup to be able to return), "
            "or --diff to see the difference"
        )


def stale_files(existing: Mapping[str, bytes], rendered: Container[str]) -> set[str]:
    """Return the files of an earlier generation that are not rendered any more, and that no one changed."""
    manifest = manifest_of(existing.get(MANIFEST))
    return {
        name
        for name, content in existing.items()
        if name != MANIFEST and name not in rendered and manifest.is_unchanged(name, content)
    }


def folder_exists(output: Path, package: str) -> bool:
    """Return whether a package is on disk."""
    return os.path.lexists(checked_folder(output, package) / "contract.yaml")
