"""Reads a schema of any writer, and refuses what is not one. Names are checked, sizes are bounded."""

import re
from typing import Final, cast

from pydantic import JsonValue

from onex.codegen.adopt.avro.shapes import (
    Array,
    Enumeration,
    Fixed,
    Map,
    Primitive,
    Record,
    RecordField,
    Scaled,
    Shape,
    Union,
)
from onex.errors import RejectedError, SchemaMismatchError
from onex.schema.foreign import AvroSchema, parsed_writer
from onex.schema.hazards import is_recursive
from onex.schema.types import MAX_PRECISION

_PRIMITIVES: Final = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
_LOGICAL: Final = {
    "date": "int",
    "time-millis": "int",
    "time-micros": "long",
    "timestamp-millis": "long",
    "timestamp-micros": "long",
    "timestamp-nanos": "long",
    "local-timestamp-millis": "long",
    "local-timestamp-micros": "long",
    "local-timestamp-nanos": "long",
    "uuid": "string",
}
"""Primitive type of each logical type. On another type a logical type has no meaning (Avro, "Logical Types")."""
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_LONGEST_NAME: Final = 512
_MOST_NODES: Final = 20_000
_MOST_LEVELS: Final = 64
_MOST_SYMBOLS: Final = 10_000
_MOST_ALIASES: Final = 100
_LONGEST_FIXED: Final = 16 * 1024 * 1024
_REMEDY: Final = "bind the topic by hand with format: bytes"


def parse(schema: JsonValue, title: str) -> Shape:
    """Return the graph of a schema. ``title`` names it in errors. Raise RejectedError for an invalid schema."""
    shape = _Parser(title).shape(schema, "", "", 0)
    try:
        is_recursive(schema)  # the engine reads no others
        parsed_writer(cast(AvroSchema, schema))
    except SchemaMismatchError as error:
        raise RejectedError(f"{title}: {error}; {_REMEDY}") from None
    return shape


class _Parser:
    def __init__(self, title: str) -> None:
        self._title = title
        self._named: dict[str, Shape] = {}
        self._nodes = 0

    def shape(self, schema: JsonValue, space: str, place: str, level: int) -> Shape:
        """Return a type. ``space`` is the namespace around it, ``place`` names its field in errors."""
        self._nodes += 1
        if self._nodes > _MOST_NODES:
            raise self._refused(place, f"has more than {_MOST_NODES} types")
        if level > _MOST_LEVELS:
            raise self._refused(place, f"has more than {_MOST_LEVELS} types in one another")
        match schema:
            case str():
                return self._name(schema, space, place)
            case list():
                return Union(tuple(self.shape(branch, space, place, level + 1) for branch in schema))
            case dict():
                return self._described(schema, space, place, level)
        raise self._refused(place, "has a type that is no type of Avro")

    def _described(self, schema: dict[str, JsonValue], space: str, place: str, level: int) -> Shape:
        match schema:
            case {"type": "record" | "error", "fields": list(fields)}:
                return self._record(schema, fields, space, place, level)
            case {"type": "enum", "symbols": list(symbols)}:
                return self._keep(schema, space, place, self._enumeration(symbols, place))
            case {"type": "fixed", "size": int(size)} if 0 < size <= _LONGEST_FIXED:
                return self._keep(schema, space, place, self._decimal(schema, size, place) or Fixed(size))
            case {"type": "array", "items": items}:
                return Array(self.shape(items, space, place, level + 1))
            case {"type": "map", "values": values}:
                return Map(self.shape(values, space, place, level + 1))
            case {"type": str(name)} if name in _PRIMITIVES:
                return self._primitive(schema, name, place)
            case {"type": dict() | list() | str() as inner} if inner not in ("record", "error", "enum", "fixed"):
                return self.shape(inner, space, place, level + 1)
        raise self._refused(place, "has a type that is no type of Avro")

    def _primitive(self, schema: dict[str, JsonValue], name: str, place: str) -> Shape:
        if name == "bytes" and (scaled := self._decimal(schema, None, place)) is not None:
            return scaled
        match schema.get("logicalType"):
            case str(logical) if _LOGICAL.get(logical) == name:
                return Primitive(name, logical)
        return Primitive(name)

    def _decimal(self, schema: dict[str, JsonValue], size: int | None, place: str) -> Scaled | None:
        """Return a decimal; None for another logical type. The engine refuses a schema with an invalid precision."""
        if schema.get("logicalType") != "decimal":
            return None
        match schema.get("precision"), schema.get("scale", 0):
            case int(precision), int(scale) if 0 < precision <= MAX_PRECISION:
                return Scaled(precision, scale, size)
        raise self._refused(place, f"has a decimal that lacks a precision from 1 to {MAX_PRECISION}, or a scale")

    def _enumeration(self, symbols: list[JsonValue], place: str) -> Enumeration:
        names = tuple(symbol for symbol in symbols if type(symbol) is str and _is_name(symbol))
        if len(names) != len(symbols) or not 0 < len(set(names)) == len(names) <= _MOST_SYMBOLS:
            raise self._refused(place, "has an enum whose symbols are no different names")
        return Enumeration(names)

    def _record(
        self, schema: dict[str, JsonValue], fields: list[JsonValue], space: str, place: str, level: int
    ) -> Record:
        record = Record(self._full_name(schema, space, place), _text(schema.get("doc")))
        self._define(record.name, record, place)
        inner = record.name.rpartition(".")[0]
        parsed = [self._field(field, inner, record.name, level) for field in fields]
        record.fields = {field.name: field for field in parsed}
        if len(record.fields) < len(parsed):
            raise self._refused(record.name, "has a field twice")
        return record

    def _field(self, field: JsonValue, space: str, record: str, level: int) -> RecordField:
        if type(field) is not dict:
            raise self._refused(record, "has a field that is none")
        match field:
            case {"name": str(name), "type": kind} if _is_name(name):
                shape = self.shape(kind, space, f"{record}: {name}", level + 1)
                aliases = field.get("aliases")
                others = tuple(each for each in aliases if type(each) is str) if type(aliases) is list else ()
                if len(others) > _MOST_ALIASES:
                    raise self._refused(record, f"has a field with more than {_MOST_ALIASES} aliases")
                has_default = "default" in field
                return RecordField(name, shape, _text(field.get("doc")), others, has_default, field.get("default"))
        raise self._refused(record, "has a field without a name and a type of Avro")

    def _keep(self, schema: dict[str, JsonValue], space: str, place: str, shape: Shape) -> Shape:
        self._define(self._full_name(schema, space, place), shape, place)
        return shape

    def _define(self, name: str, shape: Shape, place: str) -> None:
        if name in self._named:
            raise self._refused(place, f"defines {name[:80]} twice")
        self._named[name] = shape

    def _full_name(self, schema: dict[str, JsonValue], space: str, place: str) -> str:
        match schema.get("name"), schema.get("namespace", space):
            case str(name), str(around):
                full = name if "." in name or not around else f"{around}.{name}"
                if len(full) <= _LONGEST_NAME and all(map(_is_name, full.split("."))):
                    return full
        raise self._refused(place, "has a type whose name is no name of Avro")

    def _name(self, name: str, space: str, place: str) -> Shape:
        if name in _PRIMITIVES:
            return Primitive(name)
        for full in (f"{space}.{name}", name):
            if (found := self._named.get(full)) is not None:
                return found
        raise self._refused(place, f"uses the type {name[:80]!r}, which is not defined")

    def _refused(self, place: str, words: str) -> RejectedError:
        return RejectedError(f"{self._title}: {place[:160] or 'it'} {words}; {_REMEDY}")


def _is_name(text: str) -> bool:
    return len(text) <= _LONGEST_NAME and _NAME.fullmatch(text) is not None


def _text(value: JsonValue) -> str:
    return value if type(value) is str else ""
