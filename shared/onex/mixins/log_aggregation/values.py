"""Values of log lines as ``AnyValue`` of OTLP, in JSON, without secrets and within a number of bytes.

A value is read once, and no part of it is stored: code that changes it later does not change the line.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from itertools import islice
from json import JSONEncoder

from pydantic import BaseModel

from onex.util.error_text import scrubbed, text_of
from onex.util.redaction import HIDDEN, Redactor

_JSON = JSONEncoder(ensure_ascii=False).encode
_DEEPEST = 8
"""Containers within containers. Circular values end there."""
_LEAST = 128
"""Bytes without which no further item is added: the shortest name with the longest number needs fewer."""
_LONGEST_NAME = 256
"""Bytes."""
_MARGIN = 1_024
"""Characters after a cut that decide whether what is before it is a secret: patterns of secrets are shorter."""
_AROUND_PAIR = len('{"key":,"value":},')
_AROUND_TEXT = len('{"stringValue":},')
_AROUND_LIST = len('{"kvlistValue":{"values":[]}},')
_ESCAPED = 6
"""Most bytes of one character in JSON."""


@dataclass(slots=True)
class Room:
    """The bytes that are left for a line."""

    left: int
    is_cut: bool = False
    """Whether a value was cut or left out."""


class ValueEncoder:
    """Encodes values. Raises nothing: values whose class raises are named by their class. Any thread."""

    def __init__(self, redact: Redactor) -> None:
        self._redact = redact

    def pair(self, name: object, value: object, room: Room, depth: int = 0) -> str:
        """Return a ``KeyValue``. ``room`` has at least 128 bytes."""
        try:
            key = name if type(name) is str else str(name)
        except Exception:  # noqa: BLE001 - the author of the class may raise anything
            key = f"({type(name).__name__})"
        literal = _literal(key, min(_LONGEST_NAME, room.left // 4), room)
        room.left -= _AROUND_PAIR + len(literal.encode())
        hidden = self._redact.hides(key[:_MARGIN])
        return f'{{"key":{literal},"value":{self.value(HIDDEN if hidden else value, room, depth)}}}'

    def value(self, value: object, room: Room, depth: int = 0) -> str:
        """Return an ``AnyValue``. Texts take at most half of the room, so that others have some, too."""
        try:
            return self._value(value, room, depth)
        except Exception:  # noqa: BLE001 - the author of the class may raise anything
            return _text(f"({type(value).__name__} cannot be shown)", room)

    def _value(self, value: object, room: Room, depth: int) -> str:
        match value:
            case str():
                return _text(value, room)
            case None:
                return _taken("{}", room)
            case bool():
                return _taken('{"boolValue":true}' if value else '{"boolValue":false}', room)
            case int():
                return _taken(f'{{"intValue":"{int(value)}"}}', room) if _fits(value) else _text(_long(value), room)
            case float() if math.isfinite(value):  # JSON has no other ones
                return _taken(f'{{"doubleValue":{float.__repr__(value)}}}', room)
            case bytes() | bytearray() | memoryview():
                return _text(f"({len(value)} bytes)", room)
            case BaseException():
                return _text(text_of(value, max(2, room.left)), room)
            case Enum():
                return self._value(value.value, room, depth)
            case _ if depth:
                return self._container(value, room, depth)
            case _:  # at most half of the room, as for texts
                inner = Room(room.left // 2)
                room.left -= inner.left
                try:
                    return self._container(value, inner, depth)
                finally:
                    room.left += inner.left
                    room.is_cut |= inner.is_cut

    def _container(self, value: object, room: Room, depth: int) -> str:
        match value:
            case BaseModel():
                return self._map(((name, getattr(value, name)) for name in type(value).model_fields), room, depth)
            case Mapping():
                return self._map(value.items(), room, depth)
            case list() | tuple() | set() | frozenset():
                return self._list(value, room, depth)
            case _ if is_dataclass(value):
                return self._map(((each.name, getattr(value, each.name)) for each in fields(value)), room, depth)
            case _:
                return _text(str(value), room)

    def _map(self, items: Iterable[tuple[object, object]], room: Room, depth: int) -> str:
        if depth == _DEEPEST:
            return _deeper(room)
        room.left -= _AROUND_LIST
        parts: list[str] = []
        for name, value in items:
            if room.left < _LEAST:
                room.is_cut = True
                break
            parts.append(self.pair(name, value, room, depth + 1))
        return f'{{"kvlistValue":{{"values":[{",".join(parts)}]}}}}'

    def _list(self, items: Iterable[object], room: Room, depth: int) -> str:
        if depth == _DEEPEST:
            return _deeper(room)
        room.left -= _AROUND_LIST
        parts: list[str] = []
        for value in items:
            if room.left < _LEAST:
                room.is_cut = True
                break
            parts.append(self.value(value, room, depth + 1))
        return f'{{"arrayValue":{{"values":[{",".join(parts)}]}}}}'


def attributes(encoder: ValueEncoder, facts: Iterable[tuple[str, object]], room: Room, most: int) -> list[str]:
    """Return as many of the first ``most`` facts as there is room for, as a list of ``KeyValue``."""
    parts: list[str] = []
    for name, value in islice(facts, most):
        if room.left < _LEAST:
            break
        parts.append(encoder.pair(name, value, room))
    return parts


def literal(text: str, most_bytes: int) -> str:
    """Return a text as JSON of at most ``most_bytes`` bytes, without credentials."""
    return _literal(text, most_bytes, Room(most_bytes))


def _literal(text: str, most_bytes: int, room: Room) -> str:
    read = most_bytes + 2 * _MARGIN
    shown = scrubbed(text[:read])
    if len(text) > read:  # a secret that begins in the margin may not be recognized
        shown = shown[:-_MARGIN]
    room.is_cut |= len(text) > read or len(shown) > most_bytes
    shown = shown[:most_bytes].encode(errors="backslashreplace").decode()  # a lone surrogate is no UTF-8
    found = _JSON(shown)
    if len(found.encode()) <= most_bytes:
        return found
    room.is_cut = True
    return _JSON(shown[: max(0, most_bytes - 2) // _ESCAPED])


def _text(text: str, room: Room) -> str:
    found = _literal(text, max(2, (room.left - _AROUND_TEXT) // 2), room)
    return _taken(f'{{"stringValue":{found}}}', room)


def _taken(part: str, room: Room) -> str:
    room.left -= len(part.encode()) + 1  # and a comma
    return part


def _deeper(room: Room) -> str:
    room.is_cut = True
    return _text("(nested deeper)", room)


def _fits(number: int) -> bool:
    return -(2**63) <= number < 2**63


def _long(number: int) -> str:
    return f"(integer of {number.bit_length()} bits)"
