"""Names the running records in a small file that is mapped into memory, so that it survives the process.

It need not survive the machine, so nothing is flushed to the disk.
"""

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from mmap import mmap
from pathlib import Path
from typing import NamedTuple

import structlog

from onex.bus.protocols import Partition

log = structlog.get_logger(__name__)
_FILE = "in-work"
_SIZE = 128 * 1024
_MAGIC = b"ONEXWRK1"
"""Format and version. A file that begins with other bytes is set aside."""
_RUNNING, _ALONE, _EXCUSED = len(_MAGIC), len(_MAGIC) + 1, len(_MAGIC) + 2
_HEAD = struct.Struct("<II")
_HEAD_AT = len(_MAGIC) + 4
_BODY_AT = _HEAD_AT + _HEAD.size
_ROOM = _SIZE - _BODY_AT


class Span(NamedTuple):
    """Offsets of a partition from ``first`` up to, and without, ``end``."""

    partition: Partition
    first: int
    end: int

    @property
    def is_exact(self) -> bool:
        """Whether the span is one record."""
        return self.end == self.first + 1


@dataclass(frozen=True, slots=True)
class RunningRecords:
    """The records that ran when a process ended."""

    spans: tuple[Span, ...] = ()
    alone: bool = False
    """Whether no other record ran besides the one span."""


class Journal:
    """Has one writer. ``idle`` and ``excuse`` may be called from any thread and from signal handlers."""

    def __init__(self, folder: Path | None) -> None:
        """Create ``folder``. Without one, or where it cannot be written, nothing survives the process."""
        self._memory: mmap | bytearray = bytearray(_SIZE)
        self.left = RunningRecords()
        """What the process before left; empty after a clean end."""
        self._is_idle = True
        if folder is None:
            return
        file = folder / _FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.left = _read(file)
            self._memory = _mapped(file)
        except (OSError, ValueError) as error:
            log.warning("records that end the process cannot be found", file=str(file), reason=str(error))

    def write(self, spans: Iterable[Span], *, alone: bool = False) -> None:
        """Name the records that run from now on. Spans beyond the size of the file are left out."""
        body = "".join(f"{topic}\t{number}\t{first}\t{end}\n" for (topic, number), first, end in spans).encode()
        if len(body) > _ROOM:
            body = body[: body.rindex(b"\n", 0, _ROOM) + 1]
        memory = self._memory
        memory[_RUNNING] = 0  # a process that ends halfway leaves a journal that names nothing
        memory[_ALONE] = alone
        memory[_HEAD_AT : _BODY_AT + len(body)] = _HEAD.pack(len(body), zlib.crc32(body)) + body
        memory[_RUNNING] = 1
        self._is_idle = False

    def idle(self) -> None:
        """Name no records: none runs."""
        if not self._is_idle:
            self._memory[_RUNNING] = 0
            self._is_idle = True

    def excuse(self) -> None:
        """Name no records for the rest of the process: it ends for a reason that no record has caused."""
        self._memory[_EXCUSED] = 1


def _read(file: Path) -> RunningRecords:
    """Read a file, and set it aside where it is damaged. Raise OSError."""
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        return RunningRecords()
    try:
        return _parsed(raw)
    except (ValueError, struct.error) as error:
        set_aside(file, str(error))
        return RunningRecords()


def _parsed(raw: bytes) -> RunningRecords:
    if len(raw) != _SIZE or not raw.startswith(_MAGIC):
        raise ValueError("it is no journal of this version")
    if not raw[_RUNNING] or raw[_EXCUSED]:
        return RunningRecords()
    length, check = _HEAD.unpack_from(raw, _HEAD_AT)
    body = raw[_BODY_AT : _BODY_AT + length]
    if len(body) != length or zlib.crc32(body) != check:
        raise ValueError("its checksum is wrong")
    spans = []
    for line in body.decode().splitlines():
        topic, number, first, end = line.split("\t")
        spans.append(Span(Partition(topic, int(number)), int(first), int(end)))
    return RunningRecords(tuple(spans), bool(raw[_ALONE]))


def set_aside(file: Path, reason: str) -> None:
    """Rename a damaged file, so that an operator can read it. Raise OSError."""
    aside = file.with_name(f"{file.name}.damaged")
    file.replace(aside)
    log.warning("set a damaged file aside", file=str(aside), reason=reason)


def _mapped(file: Path) -> mmap:
    """Map a new, empty file, written in full: a page without room on the disk would end the process later."""
    part = file.with_name(f"{file.name}.new")
    part.write_bytes(_MAGIC.ljust(_SIZE, b"\0"))
    part.replace(file)
    with file.open("r+b") as opened:
        return mmap(opened.fileno(), _SIZE)
