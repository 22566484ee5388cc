"""Lines of a log, out of the engine's frames."""

import asyncio
import codecs
import struct
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from onex.errors import OutageError
from onex.mixins.container_operations.facts import LogLine

_HEADER: Final = struct.Struct(">BxxxL")
"""Stream and length; see "Stream format" of the engine's API."""
_STREAMS: Final = {0: "stdout", 1: "stdout", 2: "stderr"}
_CHUNK: Final = 64 * 1024


async def frames(content: aiohttp.StreamReader, *, has_terminal: bool) -> AsyncIterator[tuple[str, bytes]]:
    """Yield stream and bytes, at most 64 KiB each. Raise OutageError for a stream that is cut off."""
    if has_terminal:
        while chunk := await content.read(_CHUNK):
            yield "stdout", chunk
        return
    try:
        while not content.at_eof():
            header = await content.readexactly(_HEADER.size)
            number, length = _HEADER.unpack(header)
            while length:
                chunk = await content.readexactly(min(length, _CHUNK))
                length -= len(chunk)
                yield _STREAMS.get(number, "stdout"), chunk
    except asyncio.IncompleteReadError as error:
        if error.partial or not content.at_eof():
            raise OutageError("logs: the engine ended the stream in the middle") from error


@dataclass(slots=True)
class LineCutter:
    """Cuts the text of one stream into lines. Of a long line, the rest is dropped."""

    stream: str
    longest: int
    _decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")(errors="replace")
    )
    _text: str = ""
    _is_cut: bool = False

    def feed(self, chunk: bytes) -> Iterator[LogLine]:
        """Yield the lines that are complete now."""
        *complete, rest = self._decoder.decode(chunk).split("\n")
        for part in complete:
            self._add(part)
            yield self._line()
        self._add(rest)

    def end(self, *, is_cut: bool = False) -> Iterator[LogLine]:
        """Yield the last line, which has no end."""
        self._add(self._decoder.decode(b"", final=True))
        self._is_cut = self._is_cut or is_cut
        if self._text or is_cut:
            yield self._line()

    def _add(self, part: str) -> None:
        room = self.longest - len(self._text)
        self._text += part[:room]
        self._is_cut = self._is_cut or len(part) > room

    def _line(self) -> LogLine:
        line = LogLine(self.stream, self._text.removesuffix("\r"), self._is_cut)
        self._text, self._is_cut = "", False
        return line
