"""Appends that are remembered: 16 bytes for each, in one file for each file of the node."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence

from onex.mixins.files.change import DIGEST_BYTES, Part
from onex.mixins.files.journal import EnumArea, EnumStep, JournalStep, PreparedStep
from onex.mixins.files.tree import open_file, size_of


def name_of(parts: Sequence[str]) -> str:
    """Return the name of the file with the digests of a file."""
    return hashlib.sha256("/".join(parts).encode()).hexdigest()[:40]


def new_parts(folder: int, name: str, parts: Iterable[Part]) -> tuple[Part, ...]:
    """Return the parts that were not appended before, each once."""
    digests = read_digests(folder, name)
    fresh: dict[bytes | int, Part] = {}
    for number, part in enumerate(parts):
        if not part.digest or part.digest not in digests:
            fresh.setdefault(part.digest or number, part)
    return tuple(fresh.values())


def read_digests(folder: int, name: str) -> frozenset[bytes]:
    """Return all remembered digests of a file."""
    if size_of(folder, name) is None:
        return frozenset()
    with open_file(folder, name, os.O_RDONLY) as descriptor, os.fdopen(descriptor, "rb", closefd=False) as file:
        return frozenset(_split(file.read()))


def steps_to_remember(folder: int, name: str, parts: Iterable[Part], most: int) -> Iterator[PreparedStep]:
    """Yield the step that adds the digests. When there are twice as many as needed, it writes the latest only."""
    added = b"".join(part.digest for part in parts)
    if not added or not most:
        return
    size = size_of(folder, name) or 0
    if size + len(added) <= 2 * most * DIGEST_BYTES:
        yield PreparedStep(JournalStep(kind=EnumStep.APPEND, area=EnumArea.APPENDED, path=name, offset=size), added)
        return
    with open_file(folder, name, os.O_RDONLY) as descriptor:
        latest = (os.pread(descriptor, size, 0) + added)[-most * DIGEST_BYTES :]
    yield PreparedStep(JournalStep(kind=EnumStep.WRITE, area=EnumArea.APPENDED, path=name), latest)


def _split(digests: bytes) -> Iterator[bytes]:
    for start in range(0, len(digests), DIGEST_BYTES):
        yield digests[start : start + DIGEST_BYTES]
