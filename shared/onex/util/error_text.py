"""Texts of errors for logs, health, traces and dead letters, without secrets and content of messages."""

import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from typing import Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ErrorType

from onex.util.places import place_of
from onex.util.redaction import HIDDEN

_USER_OF_URL = re.compile(r"(?<=://)[^\s/?#@\"'<>]{1,512}@")
_TOKEN = re.compile(r"\b(bearer|basic)[ \t]+[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE)
_ASSIGNED = re.compile(
    r"\b([A-Za-z_.-]{0,32}(?:password|passwd|secret|api_?key|access_?token))(['\"]?\s{0,2}[=:]\s{0,2}['\"]?)"
    r"(?!\[redacted\](?:[\s'\",;&)}\]]|$))[^\s'\",;&)}\]]{1,512}",  # a text may be scrubbed twice
    re.IGNORECASE,
)
_SIGN = re.compile("://|bearer|basic|passw|secret|key|token", re.IGNORECASE)
"""A text without any of these has no secret."""
_OF_PYDANTIC: Final = frozenset(get_args(ErrorType)) - {"value_error", "assertion_error"}
"""Problems with a text of pydantic. Other texts are those of the model's author."""
_SHOWS_CONTENT: Final = frozenset({"union_tag_invalid", "json_invalid"})
_LONGEST_CHAIN: Final = 5
_TEXT_LIMIT: Final = 1000
"""Characters."""


def scrubbed(text: str) -> str:
    """Return a text without users and passwords of URLs, tokens of an ``authorization``, and assigned passwords."""
    if _SIGN.search(text) is None:
        return text
    text = _USER_OF_URL.sub(f"{HIDDEN}@", text)
    text = _TOKEN.sub(rf"\1 {HIDDEN}", text)
    return _ASSIGNED.sub(rf"\1\2{HIDDEN}", text)


def validation_text(error: ValidationError, model: type[BaseModel] | None = None) -> str:
    """Return all problems of a validation in one line, without values: they may be secret.

    Texts of a model's own validators stay, without the validated value. ``model`` is what was validated; without it,
    keys of maps look like names of fields, and are shown.
    """
    found = (f"{place_of(item['loc'], model) or 'message'}: {problem_text(item)}" for item in error.errors())
    return f"{error.title}: {'; '.join(found)}"


def problem_text(details: ErrorDetails) -> str:
    """Return the problem of a value, without the value."""
    words, kind = details["msg"], details["type"]
    if kind in _SHOWS_CONTENT:
        return kind.replace("_", " ")
    if kind not in _OF_PYDANTIC:
        shown = {value for value in _leaves(details["input"]) if value in words}
        for value in sorted(shown, key=len, reverse=True):
            words = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", HIDDEN, words)
    return words


def error_text(error: BaseException) -> str:
    """Return the text of an error. Raise any error of ``__str__``, which its author wrote."""
    return validation_text(error) if isinstance(error, ValidationError) else scrubbed(str(error))


def decoding_text(error: BaseException) -> str:
    """Return why bytes cannot be decoded, without the bytes: ``repr`` of a UnicodeError contains all of them."""
    return f"{type(error).__name__}: {error}" if isinstance(error, UnicodeError) else repr(error)


def traceback_text(error: BaseException) -> str:
    """Return the traceback of an error and its causes, oldest first, with the texts of :func:`error_text`."""
    parts: list[str] = []
    current: BaseException | None = error
    while current is not None and len(parts) < _LONGEST_CHAIN:
        where = "".join(traceback.format_tb(current.__traceback__))
        inner = current.exceptions[:_LONGEST_CHAIN] if isinstance(current, BaseExceptionGroup) else ()
        more = [f"  {_name(each)}: {safe_text(each)}" for each in inner]
        text = "\n".join([safe_text(current), *map(scrubbed, getattr(current, "__notes__", ())), *more])
        parts.append(f"Traceback (most recent call last):\n{where}{_name(current)}: {text}\n")
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return "\nIt led to this one:\n\n".join(reversed(parts))


def exception_facts(error: BaseException) -> dict[str, str]:
    """Return the attributes of a span event for an exception, as OpenTelemetry defines them."""
    return {
        "exception.type": _name(error),
        "exception.message": safe_text(error),
        "exception.stacktrace": traceback_text(error),
    }


def safe_text(error: BaseException) -> str:
    """Return :func:`error_text` of any error, as text that UTF-8 can encode. Raise nothing."""
    return text_of(error, sys.maxsize)


def text_of(error: BaseException, limit: int = _TEXT_LIMIT) -> str:
    """Return the text of an exception, at most ``limit`` characters, for logs, traces and dead letters.

    It shows neither the values that a validation refused nor credentials. It raises nothing, although code of the
    exception's author makes the text: that code may raise, return no text, or a text that is not UTF-8.
    """
    try:
        return str.encode(error_text(error), errors="backslashreplace")[: 4 * limit].decode(errors="ignore")[:limit]
    except BaseException as broken:  # noqa: BLE001 - the author may raise what is no Exception
        return f"(its text cannot be made: {type(broken).__name__})"


def _name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _leaves(value: object) -> Iterator[str]:
    """Yield the texts in a validated value."""
    match value:
        case BaseModel():
            yield from _leaves(dict(value))
        case Mapping():
            for item in value.values():
                yield from _leaves(item)
        case list() | tuple() | set() | frozenset():
            for item in value:
                yield from _leaves(item)
        case None | bool():
            return
        case bytes():
            yield from (text for text in (repr(value), value.decode(errors="replace")) if text)
        case _:
            yield from (text for text in (str(value),) if text)
