"""Dangerous text: what it looks like, and how it is made harmless."""

import re
import unicodedata
from collections.abc import Iterator, Mapping

from pydantic import BaseModel

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
"""C0 but for tab, line feed and carriage return; DEL; what reverses the writing direction."""
_SQL = re.compile(
    r"""['"]\s*(or|and)\s+['"]?\w+['"]?\s*(=|<|>|like\b)|['"]?\s*;\s*(drop|delete|insert|update|alter|truncate)\s"""
    r"""|\bunion\s+(all\s+)?select\b|['"]\s*(--|/\*)""",
    re.IGNORECASE,
)
_SCRIPT = re.compile(r"<\s*/?\s*(script|iframe|object|embed)\b|<[^>]+\son\w+\s*=|javascript\s*:", re.IGNORECASE)


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
    return _SQL.search(text) is not None


def holds_script(text: str) -> bool:
    """Whether a browser would run some of it."""
    return _SCRIPT.search(text) is not None
