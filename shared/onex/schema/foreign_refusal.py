"""Finds the field that cannot be written in the form of others. Called after a writer has failed, so it may be slow.

Places name fields and indexes. Values, and keys of maps, may be secret.
"""

import io
from collections.abc import Callable, Iterator, Mapping
from typing import cast

import fastavro
from fastavro.schema import SchemaParseException
from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

from onex.schema.foreign import INVALID, AvroSchema
from onex.schema.refusal import UNWRITABLE
from onex.util.redaction import HIDDEN

_NAMES = "__named_schemas"
_FAILS: tuple[type[Exception], ...] = (*UNWRITABLE, SchemaParseException)
_NAMED = ("record", "error", "enum", "fixed")
_Names = Mapping[str, object]


def unwritable_place(schema: AvroSchema, datum: object) -> str:
    """Return the dotted place of the first value that fastavro cannot write. ``schema`` is parsed.

    Empty for the value itself.
    """
    names: _Names = {}
    match schema:
        case dict():
            names = cast(_Names, schema.get(_NAMES, {}))
    return _refused(schema, datum, names, "")


def different_place(written: object, read: object, at: str = "") -> str:
    """Return the dotted place of the first value that is another one after it was read. Empty for all of it."""
    match written, read:
        case BaseModel(), BaseModel() if type(written) is type(read):
            parts: Iterator[tuple[str, object, object]] = (
                (name, vars(written)[name], vars(read)[name]) for name in type(written).model_fields
            )
        case ((list() | tuple()), (list() | tuple())) if len(written) == len(read):
            parts = ((str(index), *pair) for index, pair in enumerate(zip(written, read, strict=True)))
        case Mapping(), Mapping() if written.keys() == read.keys():
            parts = ((HIDDEN, value, read[key]) for key, value in written.items())
        case _:
            return at
    for name, one, other in parts:
        if one != other:
            return different_place(one, other, _below(at, name))
    return at


def unserializable_place(value: object, at: str = "") -> str:
    """Return the dotted place of the first value of a message that its model cannot write as JSON.

    Empty for all of it. Only models have serializers of their own, so the place ends at the field of one.
    """
    match value:
        case BaseModel():
            for name in type(value).model_fields:
                if not _is_json(value, {name}):
                    return unserializable_place(vars(value)[name], _below(at, name))
        case list() | tuple():
            for index, each in enumerate(value):
                if not _is_json(each):
                    return unserializable_place(each, _below(at, str(index)))
        case Mapping():
            for each in value.values():
                if not _is_json(each):
                    return unserializable_place(each, _below(at, HIDDEN))
    return at


def _is_json(value: object, names: set[str] | None = None) -> bool:
    """Return False for a model that cannot be written, or of which a field among ``names`` cannot."""
    match value:
        case BaseModel():
            try:
                value.__pydantic_serializer__.to_json(value, include=names)
            except PydanticSerializationError:
                return False
    return True


def _refused(schema: object, datum: object, names: _Names, at: str) -> str:
    """Return the place of the value below ``at``, which cannot be written."""
    match schema, datum:
        case str(), _ if schema in names:
            return _refused(names[schema], datum, names, at)
        case list(), _:
            branches = [branch for branch in schema if branch != "null"]
            return _refused(branches[0], datum, names, at) if len(branches) == 1 else at
        case {"type": "record" | "error", "fields": list(fields)}, dict():
            return _in_record(fields, datum, names, at)
        case {"type": "array", "items": items}, list():
            parts = ((str(index), each) for index, each in enumerate(datum))
            return _in_parts(items, parts, names, at)
        case {"type": "map", "values": values}, dict():
            return _in_parts(values, ((HIDDEN, each) for each in datum.values()), names, at)
        case {"type": dict() | list() as inner}, _:
            return _refused(inner, datum, names, at)
    return at


def _in_record(fields: list[Mapping[str, object]], datum: dict[str, object], names: _Names, at: str) -> str:
    theirs = {str(field["name"]): field for field in fields}
    for name in datum:
        if name not in theirs:
            return _below(at, name)
    for name, field in theirs.items():
        if name in datum and not _writer(field["type"], names)(datum[name]):
            return _refused(field["type"], datum[name], names, _below(at, name))
        if name not in datum and "default" not in field:
            return _below(at, name)
    return at


def _in_parts(schema: object, parts: Iterator[tuple[str, object]], names: _Names, at: str) -> str:
    writes = _writer(schema, names)
    for name, each in parts:
        if not writes(each):
            return _refused(schema, each, names, _below(at, name))
    return at


def _writer(schema: object, names: _Names) -> Callable[[object], bool]:
    """Return a function that reports whether fastavro writes a value with a part of a parsed schema.

    It reports True for all values when fastavro does not take the part alone: the place ends above it.
    """
    # A list has no name, which could be one of the schema.
    listed = {"type": "array", "items": _whole(schema, names, set())}
    try:
        parsed = fastavro.parse_schema(listed, _ignore_default_error=True)
    except INVALID:
        return lambda _: True

    def writes(value: object) -> bool:
        try:
            fastavro.schemaless_writer(io.BytesIO(), parsed, [value], strict_allow_default=True)
        except _FAILS:
            return False
        return True

    return writes


def _whole(schema: object, names: _Names, seen: set[str]) -> object:
    """Return a part of a parsed schema with the definition of each name where it comes first."""
    match schema:
        case str() if schema in names and schema not in seen:
            return _whole(names[schema], names, seen)
        case list():
            return [_whole(each, names, seen) for each in schema]
        case {"type": kind, "name": str(name)} if kind in _NAMED:
            if name in seen:
                return name
            seen.add(name)
            node = {key: value for key, value in cast(_Names, schema).items() if not key.startswith("__")}
            node["namespace"] = ""  # the name is the full one
            match node.get("fields"):
                case list(fields):
                    node["fields"] = [{**field, "type": _whole(field["type"], names, seen)} for field in fields]
            return node
        case dict():
            inner = {key: _whole(schema[key], names, seen) for key in ("type", "items", "values") if key in schema}
            return {**schema, **inner}
    return schema


def _below(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name
