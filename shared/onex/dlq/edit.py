"""Mending a dead letter: a patch or a whole new payload, checked against the schema of its topic."""

import difflib
import json
from collections.abc import Mapping

from pydantic import JsonValue, TypeAdapter, ValidationError

from onex.bus.schema import Codec
from onex.model.errors import RejectedError

_JSON: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)


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
        return codec.encode(codec.model.model_validate_json(json.dumps(message)))
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'message'}: {e['msg']}" for e in error.errors())
        raise RejectedError(f"the edited message is no {codec.model.__name__}: {told}") from None


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
        return _JSON.validate_json(text)
    except ValidationError:
        return text
