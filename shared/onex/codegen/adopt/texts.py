"""What texts of JSON look like: times, dates, UUIDs, decimal numbers."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Final

LONGEST: Final = 40
"""Characters of a text that can have a form or be one of few values."""
WORD: Final = "word"
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]([01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\.([0-9]{1,6})", re.ASCII)
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*", re.ASCII)


def forms_of(text: str) -> frozenset[str]:
    """Return the forms of a text: ``UUID``, ``date``, ``datetime``, ``word``, and ``.2`` for two decimal places."""
    return frozenset(_forms(text)) if len(text) <= LONGEST else frozenset()


def _forms(text: str) -> Iterator[str]:
    if _UUID.fullmatch(text):
        yield "UUID"
    if _WORD.fullmatch(text):
        yield WORD
    if match := _DECIMAL.fullmatch(text):
        yield f".{len(match[1])}"
    try:
        if _DATE.fullmatch(text):
            date.fromisoformat(text)
            yield "date"
        if _TIME.fullmatch(text):
            datetime.fromisoformat(text.upper()).astimezone(UTC)
            yield "datetime"
    except (ValueError, OverflowError):  # the 31st of February, or after the year 9999 in UTC
        pass
