"""Dangerous text: what it looks like, and how it is made harmless."""

import re
import unicodedata
from collections.abc import Iterator, Mapping

from pydantic import BaseModel

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
"""C0 but for tab, line feed and carriage return; DEL; what reverses the writing direction."""
_BLANKS = re.compile(r"\s+")
# The expressions are linear in the length of a text. They see single blanks, so none of them repeats a blank; what is
# repeated without a bound either cannot contain the character that the expression begins with, or gives nothing back.
SQL_IN_TEXT = re.compile(
    r"""['"] ?(or|and) ['"]?\w++['"]? ?(=|<|>|like\b)|; ?(drop|delete|insert|update|alter|truncate) """
    r"""|\bunion (all )?select\b|['"] ?(--|/\*)""",
    re.IGNORECASE,
)
SCRIPT_IN_TEXT = re.compile(r"< ?/? ?(script|iframe|object|embed)\b|<[^<>]* on\w++ ?=|javascript ?:", re.IGNORECASE)


_SUSPICIOUS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069'\";<:]|(?i:union)")
"""Something that every dangerous text has: the others need no further look, and they are nearly all."""


find_suspicious = _SUSPICIOUS.search
"""Something for a text that is worth a closer look."""


def texts_of(value: object, at: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a message, with the path to it."""
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
    """Whether there are characters that nobody types."""
    return _CONTROL.search(text) is not None


def without_control(text: str) -> str:
    """The rest."""
    return _CONTROL.sub("", text)


def composed(text: str) -> str:
    """In Unicode's NFC: what looks the same is the same."""
    return unicodedata.normalize("NFC", text)


def goes_on_in_sql(text: str) -> bool:
    """Whether it ends a literal and goes on as a statement."""
    return SQL_IN_TEXT.search(_BLANKS.sub(" ", text)) is not None


def holds_script(text: str) -> bool:
    """Whether a browser would run some of it."""
    return SCRIPT_IN_TEXT.search(_BLANKS.sub(" ", text)) is not None
