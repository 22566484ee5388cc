"""Remembers what the generator rendered, so that changes by hand are recognised.

The texts are stored, and not digests of them: a later generation compares three versions of each part, and another
version of the generator may render the same contract differently.
"""

import base64
import binascii
import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import BaseModel, TypeAdapter, ValidationError

MANIFEST: Final = ".generated.json"
"""In the folder of a version. It belongs to the sources of the node, as the generated files do."""
_LARGEST = 16 * 1024 * 1024
"""Bytes of all rendered texts."""
_TEXTS = TypeAdapter(dict[str, str])


class _ModelFile(BaseModel):
    """The form on disk."""

    note: str = ""
    written: dict[str, str] = {}
    rendered: str = ""
    """JSON of the texts by path, compressed by zlib, in base64."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the generator rendered last, before bodies that a person wrote were taken over."""

    rendered: Mapping[str, str] = field(default_factory=dict)
    """Text by path below the folder of the version. Empty when nothing is known: every file counts as changed."""
    written: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of each file as it was after the last writing, by path: also of those that a person wrote."""

    def is_unchanged(self, name: str, content: bytes) -> bool:
        """Return whether the content is what the generator rendered."""
        text = self.rendered.get(name)
        return text is not None and text.encode() == content

    def is_as_written(self, name: str, content: bytes) -> bool:
        """Return whether no one changed the file since the last writing."""
        return self.written.get(name) == digest(content)

    def content(self) -> bytes:
        """Return the content of the file."""
        texts = json.dumps(dict(sorted(self.rendered.items())), ensure_ascii=False)
        packed = base64.b64encode(zlib.compress(texts.encode(), 9)).decode()
        note = "what `onex generate` rendered; it finds what you changed by it"
        file = _ModelFile(note=note, written=dict(sorted(self.written.items())), rendered=packed)
        return file.model_dump_json(indent=2).encode() + b"\n"


def digest(content: bytes) -> str:
    """Return the SHA-256 in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def manifest_of(content: bytes | None) -> Manifest:
    """Return the manifest in a file; an empty one when there is none, or when it is damaged."""
    if content is None or len(content) > _LARGEST:
        return Manifest()
    try:
        file = _ModelFile.model_validate_json(content)
        packed = base64.b64decode(file.rendered, validate=True)
        return Manifest(_TEXTS.validate_json(zlib.decompressobj().decompress(packed, _LARGEST)), file.written)
    except (ValidationError, binascii.Error, zlib.error):
        return Manifest()


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest in the folder of a version; an empty one when there is none that can be read."""
    file = folder / MANIFEST
    try:
        with file.open("rb") as opened:
            return Manifest() if file.is_symlink() else manifest_of(opened.read(_LARGEST + 1))
    except OSError:
        return Manifest()
