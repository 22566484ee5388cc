"""Detection and cleaning of dangerous text."""

import re
import unicodedata
from collections.abc import Iterator, Mapping

from pydantic import BaseModel

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
"""C0 controls except tab, line feed and carriage return; DEL; marks that reverse the writing direction."""
_BLANKS = re.compile(r"\s+")
# The expressions are linear in the length of a text. Blanks are collapsed before, so no expression repeats a blank.
# An unbounded repetition either cannot match the first character of the expression, or is possessive.
SQL_IN_TEXT = re.compile(
    r"""['"] ?(or|and) ['"]?\w++['"]? ?(=|<|>|like\b)|; ?(drop|delete|insert|update|alter|truncate) """
    r"""|\bunion (all )?select\b|['"] ?(--|/\*)""",
    re.IGNORECASE,
)
SCRIPT_IN_TEXT = re.compile(r"< ?/? ?(script|iframe|object|embed)\b|<[^<>]* on\w++ ?=|javascript ?:", re.IGNORECASE)


_SUSPICIOUS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069'\";<:]|(?i:union)")
"""Matches every dangerous text, and few others, so that most texts need no further check."""


find_suspicious = _SUSPICIOUS.search
"""Returns a match for a text that needs the full check."""


def texts_of(value: object, at: str = "") -> Iterator[tuple[str, str]]:
    """Yield the path and the text of every text in a value. ``at`` is the path of the value."""
    match value:
        case str():
            yield at, value
        case BaseModel():
            for name in type(value).model_fields:
                yield from texts_of(getattr(value, name), f"{at}.{name}" if at else name)
        case Mapping():
            for key, item in value.items():
                yield from texts_of(str(key), at)
                yield from texts_of(item, f"{at}.{key}")
        case list() | tuple() | set() | frozenset():
            for item in value:
                yield from texts_of(item, at)


def has_control(text: str) -> bool:
    """Return whether the text has control characters."""
    return _CONTROL.search(text) is not None


def without_control(text: str) -> str:
    """Return the text without its control characters."""
    return _CONTROL.sub("", text)


def composed(text: str) -> str:
    """Return the text in Unicode's NFC, so that equal characters have equal codes."""
    return unicodedata.normalize("NFC", text)


def goes_on_in_sql(text: str) -> bool:
    """Return whether the text ends an SQL literal and continues as a statement."""
    return SQL_IN_TEXT.search(_BLANKS.sub(" ", text)) is not None


def holds_script(text: str) -> bool:
    """Return whether a browser would run a part of the text."""
    return SCRIPT_IN_TEXT.search(_BLANKS.sub(" ", text)) is not None
