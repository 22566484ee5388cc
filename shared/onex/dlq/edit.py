"""Editing a dead letter: a patch or a new payload, checked against the schema of its topic."""

import difflib
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation

from pydantic import JsonValue

from onex.dlq.payload_path import child, has_child, index_of, missing, split_path
from onex.errors import PoisonError, RejectedError
from onex.schema import ProtocolCodec


def exact_json(text: str) -> JsonValue:
    """Parse JSON without loss of digits: a number that no float holds stays text, which Decimal fields accept.

    Raises ValueError for text that is not JSON.
    """
    value: JsonValue = json.loads(text, parse_float=_number)
    return value


def _number(text: str) -> float | str:
    number = float(text)
    try:
        return number if Decimal(repr(number)) == Decimal(text) else text
    except InvalidOperation:  # the exponent is out of range
        return text


def patched(message: JsonValue, changes: Mapping[str, str], removed: Sequence[str] = ()) -> JsonValue:
    """Return a copy with values set at paths, and then without the values at the paths ``removed``.

    A value is parsed as JSON, or else taken as text. Indices in ``removed`` are those before any removal.
    Raises RejectedError for a path that does not exist, or that is both set and removed.
    """
    copy: JsonValue = json.loads(json.dumps(message))
    paths = {path: tuple(split_path(path)) for path in (*changes, *removed)}
    for path, text in changes.items():
        for other in removed:
            if paths[path][: len(paths[other])] == paths[other]:
                raise RejectedError(f"{path}: it is set, and {other} is removed; do one of the two")
        _set(copy, paths[path], path, _value(text))
    for parts in _last_elements_first({paths[path]: path for path in removed}):
        _remove(copy, *parts)
    return copy


def _set(copy: JsonValue, parts: Sequence[str], path: str, value: JsonValue) -> None:
    *way, last = parts
    match _inner(copy, way, path):
        case dict() as at:
            at[last] = value
        case list() as at if has_child(at, last):
            at[int(last)] = value
        case at:
            raise missing(at, last, path)


def _remove(copy: JsonValue, parts: Sequence[str], path: str) -> None:
    *way, last = parts
    at = _inner(copy, way, path)
    child(at, last, path)
    match at:
        case dict():
            del at[last]
        case list():
            del at[int(last)]


def _inner(at: JsonValue, way: Sequence[str], path: str) -> JsonValue:
    for part in way:
        at = child(at, part, path)
    return at


def _last_elements_first(paths: Mapping[tuple[str, ...], str]) -> list[tuple[tuple[str, ...], str]]:
    """Sort paths so that a removal changes no index of a later one. Elements come before their container."""

    def order(pair: tuple[tuple[str, ...], str]) -> list[tuple[int, str]]:
        return [(index_of(part), part) for part in pair[0]]

    return sorted(paths.items(), key=order, reverse=True)


def encoded(codec: ProtocolCodec, message: JsonValue) -> bytes:
    """Return the bytes of an edited message. Raise RejectedError with every field that does not fit."""
    try:
        return codec.encode(codec.read_json(json.dumps(message).encode()))
    except (PoisonError, RejectedError) as error:
        raise RejectedError(f"the edited message does not fit: {error}") from None


def difference(before: JsonValue, after: JsonValue) -> str:
    """Return what an edit changes, as a unified diff of the JSON texts."""
    old, new = (
        json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False).splitlines() for value in (before, after)
    )
    return "\n".join(difflib.unified_diff(old, new, "original", "edited", lineterm="", n=1))


def _value(text: str) -> JsonValue:
    try:
        return exact_json(text)
    except (ValueError, RecursionError):
        return text
