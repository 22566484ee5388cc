"""The images that a Dockerfile builds upon."""

import re
from collections.abc import Iterator
from typing import Final

from onex.errors import RejectedError

_ESCAPE: Final = re.compile(r"^\s*#\s*escape\s*=", re.IGNORECASE | re.MULTILINE)
_CONTINUED: Final = re.compile(r"\\[ \t]*\n(?:[ \t]*\n)*")
_COMMENT: Final = re.compile(r"^[ \t]*#[^\n]*(?:\n|\Z)", re.MULTILINE)
"""Comments go first, with their line: a backslash at the end of one continues nothing."""
_FROM: Final = re.compile(r"FROM\s+(?:--platform=\S+\s+)?(\S+)(?:\s+AS\s+(\S+))?\s*", re.IGNORECASE)
_COPY: Final = re.compile(r"(?:ONBUILD\s+)?(?:COPY|ADD)\s+(.*)", re.IGNORECASE | re.DOTALL)
_SOURCE: Final = re.compile(r"--from=(\S+)", re.IGNORECASE)
_NOTHING: Final = "scratch"


def base_images(text: str) -> Iterator[str]:
    """Yield the images that ``FROM`` and ``COPY --from`` name. Raise RejectedError for what cannot be known.

    Stages of the file, and ``scratch``, are no images.
    """
    if _ESCAPE.search(text):
        raise RejectedError("Dockerfile: the directive `escape` is not allowed; continue lines with a backslash")
    stages: set[str] = set()
    for line in _CONTINUED.sub(" ", _COMMENT.sub("", text.replace("\r\n", "\n"))).splitlines():
        instruction = line.strip()
        if instruction.upper().startswith("FROM"):
            base, stage = _base_of(instruction)
            if base.lower() not in stages | {_NOTHING}:
                yield base
            stages |= {stage.lower()} if stage else set()
        elif copied := _COPY.fullmatch(instruction):
            for source in _SOURCE.findall(copied[1]):
                if not source.isdecimal() and source.lower() not in stages:
                    yield _written_out(source)


def _base_of(instruction: str) -> tuple[str, str]:
    found = _FROM.fullmatch(instruction)
    if found is None:
        raise RejectedError("Dockerfile: a FROM that is not understood; write FROM image AS stage")
    return _written_out(found[1]), found[2] or ""


def _written_out(image: str) -> str:
    if "$" in image:
        raise RejectedError("Dockerfile: the name of a base image has a variable; write it out")
    return image
