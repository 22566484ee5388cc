"""Mending a dead letter: a patch or a whole new payload, checked against the schema of its topic."""

import difflib
import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from pydantic import JsonValue

from onex.bus.schema import Codec
from onex.model.errors import PoisonError, RejectedError


def exact_json(text: str) -> JsonValue:
    """JSON in which no number has lost digits: one that no float holds stays text, as Decimal fields take it.

    Raises ValueError for what is no JSON.
    """
    value: JsonValue = json.loads(text, parse_float=_number)
    return value


def _number(text: str) -> float | str:
    number = float(text)
    try:
        return number if Decimal(repr(number)) == Decimal(text) else text
    except InvalidOperation:  # an exponent beyond all bounds
        return text


def patched(message: JsonValue, changes: Mapping[str, str]) -> JsonValue:
    """A copy with values set at dotted paths. A value is read as JSON where it is JSON, else as text.

    Raises RejectedError for a path that leads nowhere.
    """
    copy: JsonValue = json.loads(json.dumps(message))
    for path, text in changes.items():
        *way, last = path.split(".")
        at = copy
        for part in way:
            at = _child(at, part, path)
        match at:
            case dict():
                at[last] = _value(text)
            case list() if last.isdigit() and int(last) < len(at):
                at[int(last)] = _value(text)
            case _:
                raise RejectedError(f"{path}: there is nothing at {'.'.join(way) or 'the top'} to set {last!r} in")
    return copy


def encoded(codec: Codec, message: JsonValue) -> bytes:
    """Wire bytes of an edited message; raises RejectedError naming every field that does not fit."""
    try:
        return codec.encode(codec.read_json(json.dumps(message).encode()))
    except (PoisonError, RejectedError) as error:
        raise RejectedError(f"the edited message is no {error}") from None


def difference(before: JsonValue, after: JsonValue) -> str:
    """What an edit changes, as a unified diff of the JSON texts."""
    old, new = (
        json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False).splitlines() for value in (before, after)
    )
    return "\n".join(difflib.unified_diff(old, new, "original", "edited", lineterm="", n=1))


def _child(at: JsonValue, part: str, path: str) -> JsonValue:
    match at:
        case dict() if part in at:
            return at[part]
        case list() if part.isdigit() and int(part) < len(at):
            return at[int(part)]
        case _:
            raise RejectedError(f"{path}: there is no {part!r}")


def _value(text: str) -> JsonValue:
    try:
        return exact_json(text)
    except (ValueError, RecursionError):
        return text
