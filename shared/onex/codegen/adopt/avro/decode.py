"""Reads a sampled record in Avro as the engine does, in the form that it has in JSON, with bounded work and depth."""

import struct
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from onex.codegen.adopt.avro.shapes import (
    Array,
    Enumeration,
    Fixed,
    Map,
    Primitive,
    Record,
    Scaled,
    Shape,
    Union,
)
from onex.codegen.adopt.values import Value
from onex.errors import RejectedError
from onex.schema.codec_runtime import load_date, load_timestamp, read_boolean, read_count, read_long
from onex.schema.decimals import read_decimal, size_of

PREFIX: Final = struct.Struct(">bI")
"""Confluent's wire format: a zero byte and the id of the schema."""
_DEEPEST: Final = 64
_FLOAT, _DOUBLE = struct.Struct("<f"), struct.Struct("<d")
_UNREADABLE: Final = (IndexError, ValueError, OverflowError, struct.error, RejectedError)
_UNITS: Final = {"timestamp-millis": 1000, "timestamp-micros": 1}
"""Microseconds."""


class TooManyValuesError(Exception):
    """The values that may be read are used up."""


@dataclass(slots=True)
class Budget:
    """Values that may be read. Those without bytes (null, a record of them) cost memory, too."""

    left: int


def decoded(shape: Shape, value: bytes, start: int, budget: Budget) -> tuple[Value, Record | None] | None:
    """Return a value, and the record that it is, if it is one; None for bytes that the engine would refuse.

    Raise TooManyValuesError.
    """
    reader = _Reader(value, start, budget)
    try:
        match shape:
            case Union(branches):
                shape = reader.branch(branches)
        data = reader.value(shape, 0)
    except _UNREADABLE:
        return None
    if reader.at != len(value):
        return None
    return data, shape if type(shape) is Record else None


class _Reader:
    def __init__(self, data: bytes, at: int, budget: Budget) -> None:
        self._data = data
        self.at = at
        self._budget = budget

    def value(self, shape: Shape, level: int) -> Value:
        """Return the next value. Raise one of ``_UNREADABLE``, TooManyValuesError."""
        self._budget.left -= 1
        if self._budget.left < 0:
            raise TooManyValuesError
        if level > _DEEPEST:
            raise ValueError("too deep")
        match shape:
            case Primitive(name, logical):
                return self._primitive(name, logical)
            case Scaled(precision, scale, size):
                return self._decimal(precision, scale, size)
            case Fixed(size):
                return _in_json(self._take(size))
            case Enumeration(symbols):
                return symbols[self._index()]
            case Union(branches):
                return self.value(self.branch(branches), level + 1)
            case Array(item):
                return [self.value(item, level + 1) for _ in self._items()]
            case Map(item):
                return {self._take(self._index()).decode(): self.value(item, level + 1) for _ in self._items()}
            case Record(_, _, fields):
                return {field.name: self.value(field.shape, level + 1) for field in fields.values()}

    def branch(self, branches: tuple[Shape, ...]) -> Shape:
        """Return the branch of a union that the next value has."""
        return branches[self._index()]

    def _primitive(self, name: str, logical: str) -> Value:
        match name:
            case "null":
                return None
            case "boolean":
                return read_boolean(self._take(1)[0])
            case "int" | "long":
                return _whole(self._long(), logical)
            case "float":
                return float(_FLOAT.unpack(self._take(4))[0])
            case "double":
                return float(_DOUBLE.unpack(self._take(8))[0])
            case "bytes":
                return _in_json(self._take(self._index()))
        return self._take(self._index()).decode()

    def _decimal(self, precision: int, scale: int, size: int | None) -> Value:
        raw = self._take(self._index() if size is None else size)
        longest = size_of(precision)
        if size is not None and len(raw) > longest:
            sign = b"\xff" if raw[-longest] & 0x80 else b"\x00"
            raw = raw[-longest:] if raw[:-longest] == sign * (len(raw) - longest) else raw
        return read_decimal(raw, precision, scale, "")

    def _items(self) -> Iterator[int]:
        """Yield once for each item of an array or map, before it is read."""
        while True:
            count, self.at = read_count(self._data, self.at)
            if not count:
                return
            yield from range(count)

    def _long(self) -> int:
        first = self._data[self.at]
        number, self.at = read_long(self._data, first, self.at + 1)
        return number

    def _index(self) -> int:
        number = self._long()
        if number < 0:
            raise ValueError("negative")
        return number

    def _take(self, size: int) -> bytes:
        end = self.at + size
        if end > len(self._data):
            raise IndexError("the bytes end")
        taken, self.at = self._data[self.at : end], end
        return taken


def _whole(number: int, logical: str) -> Value:
    match logical:
        case "date":
            return load_date(number).isoformat()
        case "timestamp-millis" | "timestamp-micros":
            return load_timestamp(number * _UNITS[logical]).isoformat().replace("+00:00", "Z")
    return number


def _in_json(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode()
