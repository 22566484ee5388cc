"""A change in memory, before its commit."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

from typing_extensions import override

from onex.errors import RejectedError
from onex.mixins.files.journal import EnumStep
from onex.mixins.files.model_files_subcontract import ModelFilesSubcontract
from onex.mixins.files.paths import parts_of
from onex.mixins.files.protocol_files import ProtocolFileChange

DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Part:
    """Content of an append."""

    content: bytes
    digest: bytes
    """Identity of the append. Empty for one that is not remembered."""


@dataclass(frozen=True, slots=True)
class Staged:
    """What a change does with one file."""

    kind: EnumStep
    parts: tuple[Part, ...] = ()

    @property
    def content(self) -> bytes:
        """The content of all parts."""
        return b"".join(part.content for part in self.parts)


class FileChange(ProtocolFileChange):
    """Steps by path. A later step replaces an earlier one of the same file, except that appends add up.

    ``work`` is the idempotency key of the current message; empty outside of messages.
    """

    def __init__(self, settings: ModelFilesSubcontract, work: str) -> None:
        self._settings = settings
        self._work = work
        self._steps: dict[tuple[str, ...], Staged] = {}
        self._bytes = 0

    @property
    def steps(self) -> Mapping[tuple[str, ...], Staged]:
        """What is to be done, by the names of the path, in order."""
        return self._steps

    @override
    def write(self, path: str, content: bytes) -> None:
        self._stage(path, Staged(EnumStep.WRITE, (Part(content, b""),)), len(content))

    @override
    def append(self, path: str, content: bytes, *, key: str = "") -> None:
        part = Part(content, self._digest(path, content, key))
        before = self._steps.get(parts_of(path))
        match before:
            case None:
                staged = Staged(EnumStep.APPEND, (part,))
            case Staged(kind=EnumStep.DELETE):
                staged = Staged(EnumStep.WRITE, (part,))
            case _:
                staged = replace(before, parts=(*before.parts, part))
        self._stage(path, staged, len(content))

    @override
    def delete(self, path: str) -> None:
        self._stage(path, Staged(EnumStep.DELETE), 0)

    def _digest(self, path: str, content: bytes, key: str) -> bytes:
        if not key and not self._work:
            return b""
        identity = f"key\0{path}\0{key}".encode() if key else f"message\0{path}\0{self._work}\0".encode() + content
        return hashlib.sha256(identity).digest()[:DIGEST_BYTES]

    def _stage(self, path: str, staged: Staged, added_bytes: int) -> None:
        settings, parts = self._settings, parts_of(path)
        self._bytes += added_bytes
        if len(staged.content) > settings.max_file_bytes:
            raise RejectedError(
                f"a file of {len(staged.content)} bytes, {settings.max_file_bytes} are allowed; "
                "files.max_file_bytes in the contract allows more"
            )
        if self._bytes > settings.max_change_bytes:
            raise RejectedError(
                f"a change of more than {settings.max_change_bytes} bytes; "
                "files.max_change_bytes in the contract allows more"
            )
        others = self._steps.keys() - {parts}
        if len(others) >= settings.max_change_files:
            raise RejectedError(
                f"a change of more than {settings.max_change_files} files; "
                "files.max_change_files in the contract allows more"
            )
        for other in others:
            shorter = min(len(other), len(parts))
            if other[:shorter] == parts[:shorter]:
                raise RejectedError("a change has a file and, at the same path, a folder with files")
        self._steps[parts] = staged
