"""Values that commands read from their users: files, times, pairs. Each refusal is one line with the option."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import time

import typer

from onex.model.duration import parse_duration
from onex.util.clock import LATEST_MS

LAST_PARTITION = 2**31 - 1
"""The largest number of a partition that Kafka has."""
_DIGITS = 18
"""Of an offset, which has 63 bits."""


def read_text(place: str, option: str) -> str:
    """Return the text of a file, or of standard input for ``-``. Raise BadParameter for text that is not UTF-8."""
    try:
        return sys.stdin.buffer.read().decode() if place == "-" else Path(place).read_bytes().decode()
    except UnicodeDecodeError as error:
        reason = f"it is not UTF-8 at byte {error.start}; convert it first"
    except OSError as error:
        reason = f"{error.strerror}; name a file that exists and may be read"
    except ValueError as error:  # a null byte in its name
        reason = f"{error}; name a file that exists and may be read"
    raise typer.BadParameter(f"cannot read {place!r}: {reason}", param_hint=_hint(option))


def seconds_of(text: str, option: str) -> float:
    """Return the seconds of a duration such as ``10m``. Raise BadParameter."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=_hint(option)) from None


def moment_of(text: str, option: str) -> int:
    """Return milliseconds since 1970 of an ISO 8601 time or an age; 0 for an empty text. Raise BadParameter."""
    if not text:
        return 0
    try:
        return max(1, round((time() - parse_duration(text)) * 1000))
    except ValueError:
        pass  # it may be a time
    try:
        at = datetime.fromisoformat(text)
        return min(max(1, round(at.timestamp() * 1000)), LATEST_MS)
    except (ValueError, OverflowError):
        words = f"{text!r} is neither 10m, 2h, 7d nor a time like {datetime(2026, 1, 31, 12, tzinfo=UTC).isoformat()}"
        raise typer.BadParameter(words, param_hint=_hint(option)) from None


def whole_number(text: str) -> int | None:
    """Return an offset written in plain digits; None for another text."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _DIGITS else None


def pairs(texts: Sequence[str] | None, option: str) -> dict[str, str]:
    """Return ``NAME=VALUE`` texts as a mapping. Raise BadParameter."""
    values = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"{text!r} is not of the form NAME=VALUE", param_hint=_hint(option))
        values[name] = value
    return values


def _hint(option: str) -> str:
    return f"'{option}'"
