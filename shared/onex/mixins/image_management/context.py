"""The files of a build as an archive: within limits, and the same bytes for the same files."""

import hashlib
import io
import os
import stat
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from onex.errors import OutageError, RejectedError
from onex.mixins.files.paths import parts_of
from onex.mixins.image_management.ignore import IgnoreRules
from onex.mixins.image_management.model_image_management_subcontract import ModelImageManagementSubcontract

_SPOOL_BYTES: Final = 4 * 1024 * 1024
"""Larger archives are written to the disk."""
_IGNORE: Final = ".dockerignore"
_MAX_DOCKERFILE_BYTES: Final = 1024 * 1024


@dataclass(slots=True)
class BuildContext:
    """An archive, and what is known of it."""

    archive: IO[bytes]
    digest: str
    dockerfile: str


class _Packer:
    """Adds files to an archive."""

    def __init__(self, settings: ModelImageManagementSubcontract, dockerfile: str, archive: IO[bytes]) -> None:
        self._settings = settings
        self._wanted = "/".join(parts_of(dockerfile))
        self._tar = tarfile.open(fileobj=archive, mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - `close` below
        self._digest = hashlib.sha256()
        self._files = self._bytes = 0
        self.dockerfile: str | None = None

    def add(self, path: str, kind: bytes, mode: int, content: bytes = b"", target: str = "") -> None:
        """Add a file, folder or link. Raise RejectedError beyond the limits."""
        self._files += 1
        self._bytes += len(content)
        if self._files > self._settings.max_context_files or self._bytes > self._settings.max_context_bytes:
            raise RejectedError(
                f"the files of the build are more than {self._settings.max_context_files} files or "
                f"{self._settings.max_context_bytes} bytes; image_management.max_context_bytes and "
                "max_context_files in the contract allow more, .dockerignore excludes files"
            )
        entry = tarfile.TarInfo(path)
        entry.type, entry.mode, entry.size, entry.linkname = kind, mode, len(content), target
        self._tar.addfile(entry, io.BytesIO(content))
        for part in (path.encode(), kind, str(mode).encode(), target.encode(), content):
            self._digest.update(len(part).to_bytes(8, "big") + part)
        if path == self._wanted and kind == tarfile.REGTYPE:
            self.dockerfile = content[: _MAX_DOCKERFILE_BYTES + 1].decode(errors="replace")

    @property
    def room(self) -> int:
        """Bytes until the limit."""
        return self._settings.max_context_bytes - self._bytes

    def close(self) -> None:
        """Write the end of the archive."""
        self._tar.close()

    def result(self) -> tuple[str, str]:
        """Return the digest of the files, and the text of the Dockerfile. Raise RejectedError when there is none."""
        if self.dockerfile is None:
            raise RejectedError(f"the files of the build have no {self._wanted}")
        if len(self.dockerfile) > _MAX_DOCKERFILE_BYTES:
            raise RejectedError(f"{self._wanted} is larger than {_MAX_DOCKERFILE_BYTES} bytes")
        return self._digest.hexdigest(), self.dockerfile


@contextmanager
def packed(
    context: str | Mapping[str, bytes], dockerfile: str, settings: ModelImageManagementSubcontract
) -> Iterator[BuildContext]:
    """Return the archive of a folder, or of files. Blocks: it reads the disk."""
    with tempfile.SpooledTemporaryFile(_SPOOL_BYTES) as archive:
        with closing(_Packer(settings, dockerfile, archive)) as packer:
            match context:
                case str():
                    _add_folder(packer, context, settings.context_folder, dockerfile)
                case _:
                    for path in sorted(context):
                        packer.add("/".join(parts_of(path)), tarfile.REGTYPE, 0o644, context[path])
        digest, text = packer.result()
        archive.seek(0)
        yield BuildContext(archive, digest, text)


def _add_folder(packer: _Packer, name: str, root: str, dockerfile: str) -> None:
    if not root:
        raise RejectedError("no folder may be built; image_management.context_folder in the contract allows folders")
    above = Path(root).resolve()
    folder = above.joinpath(*parts_of(name)).resolve()
    if not folder.is_relative_to(above) or not folder.is_dir():
        raise RejectedError("the folder of the build does not exist, or leads out of image_management.context_folder")
    try:
        _walk(packer, folder, "", _rules_of(folder / _IGNORE), dockerfile)
    except OSError as error:
        raise OutageError(f"the folder of the build: {error.strerror or type(error).__name__}") from error


def _rules_of(file: Path) -> IgnoreRules:
    try:
        return IgnoreRules.parse(_content(file, _MAX_DOCKERFILE_BYTES).decode(errors="replace"))
    except FileNotFoundError:
        return IgnoreRules()


def _walk(packer: _Packer, folder: Path, prefix: str, rules: IgnoreRules, dockerfile: str) -> None:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            path = f"{prefix}{entry.name}"
            is_excluded = rules.excludes(path) and path != dockerfile
            mode = stat.S_IMODE(entry.stat(follow_symlinks=False).st_mode)
            if entry.is_dir(follow_symlinks=False):
                if not is_excluded:
                    packer.add(path, tarfile.DIRTYPE, mode)
                if not is_excluded or rules.has_exceptions or dockerfile.startswith(f"{path}/"):
                    _walk(packer, Path(entry.path), f"{path}/", rules, dockerfile)
            elif is_excluded:
                continue
            elif entry.is_symlink():
                packer.add(path, tarfile.SYMTYPE, 0o777, target=os.readlink(entry.path))
            elif entry.is_file(follow_symlinks=False):
                packer.add(path, tarfile.REGTYPE, mode, _content(Path(entry.path), packer.room + 1))
            else:
                raise RejectedError(f"{path} is no file, folder or symlink; exclude it in .dockerignore")


def _content(file: Path, most: int) -> bytes:
    """Return at most this many bytes of a file that is no symlink. Raise OSError."""
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW)
    with open(descriptor, "rb") as opened:
        return opened.read(most)
