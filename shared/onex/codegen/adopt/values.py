"""Reads the JSON of sampled records, numbers exactly."""

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from math import isinf
from typing import Final

Value = None | bool | int | float | Decimal | str | Sequence["Value"] | Mapping[str, "Value"]
"""A value of JSON. A number with a fraction or an exponent is a Decimal; NaN and infinities are floats."""
Object = Mapping[str, Value]
LONGEST_NUMBER: Final = 1_100
"""Characters. The engine refuses longer ones."""
_MOST_DIGITS: Final = 300
"""Characters of a whole number. A double has no larger ones."""
DEEPEST: Final = 200
"""Levels of JSON that the engine reads."""


def object_of(value: bytes) -> Object | None:
    """Return the JSON object in a value; None for a value that the engine would refuse, or that is another value."""
    try:
        data: Value = json.loads(value.decode(), parse_float=_number, parse_int=_whole)
    except (ValueError, RecursionError, InvalidOperation):
        return None
    match data:
        case dict() if _is_readable(data):
            return data
        case _:
            return None


def _number(text: str) -> Decimal:
    if len(text) > LONGEST_NUMBER or isinf(float(text)):
        raise ValueError("a large number")
    return Decimal(text)


def _whole(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError("a large number")
    return int(text)


def _is_readable(data: Object) -> bool:
    """Return whether all texts are Unicode (JSON can have lone surrogates) and no value is too deep."""
    level: list[Value] = [data]
    for _ in range(DEEPEST):
        if not level:
            return True
        texts = [text for value in level for text in _texts(value)]
        try:
            "".join(texts).encode()
        except UnicodeEncodeError:
            return False
        level = [inner for value in level for inner in _inner(value)]
    return not level


def _texts(value: Value) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            yield from value


def _inner(value: Value) -> Iterator[Value]:
    match value:
        case dict():
            yield from value.values()
        case list():
            yield from value
