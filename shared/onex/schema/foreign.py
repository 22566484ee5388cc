"""Reads records of other writers' schemas with exact decimals.

fastavro rounds decimals to the precision of their schema, and converts any number of bytes to digits. A copy of the
writer's schema names decimals as another logical type, which fastavro's hook for custom logical types reads.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import cast

import fastavro
import fastavro.read
from fastavro.schema import SchemaParseException
from pydantic import JsonValue

from onex.errors import PoisonError, SchemaMismatchError
from onex.schema.decimals import read_decimal, size_of
from onex.schema.types import MAX_PRECISION

AvroSchema = str | list[JsonValue] | dict[str, JsonValue]
INVALID = (SchemaParseException, ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What fastavro raises for an invalid schema."""
_DECIMAL = "onex-exact-decimal"


def with_exact_decimals(schema: AvroSchema) -> AvroSchema:
    """Return a copy with exact decimals, and without defaults of fields.

    Raise SchemaMismatchError for a decimal with an invalid precision.
    """
    return cast(AvroSchema, _with_exact(schema, ""))


def parsed_writer(schema: AvroSchema) -> object:
    """Return the schema of a writer, parsed for reading. Raise SchemaMismatchError for an invalid one."""
    try:
        return cast(object, fastavro.parse_schema(with_exact_decimals(schema)))
    except INVALID as error:
        raise SchemaMismatchError(f"not a valid Avro schema: {type(error).__name__}: {error}") from None


def exact_decimal(schema: Mapping[str, object], place: str) -> dict[str, object]:
    """Return a schema node of a decimal that :func:`fastavro.schemaless_reader` reads exactly.

    ``place`` names its field in errors. Raise SchemaMismatchError for an invalid precision.
    """
    precision, scale = schema.get("precision"), schema.get("scale", 0)
    if not isinstance(precision, int) or not 0 < precision <= MAX_PRECISION or not isinstance(scale, int):
        raise SchemaMismatchError(f"{place or 'the schema'}: a decimal of precision {precision!r}")
    return {**schema, "logicalType": _DECIMAL, "scale": scale, "onex-place": place}


def _with_exact(schema: JsonValue, place: str) -> JsonValue:
    match schema:
        case list():
            return [_with_exact(item, place) for item in schema]
        case dict():
            return _node(schema, place)
        case _:
            return schema


def _node(schema: dict[str, JsonValue], place: str) -> dict[str, JsonValue]:
    match schema:
        case {"type": "bytes" | "fixed", "logicalType": "decimal"}:
            return cast(dict[str, JsonValue], exact_decimal(schema, place))
        case {"type": "record" | "error", "name": name, "fields": list(fields)}:
            return {**schema, "fields": [_field(field, str(name)) for field in fields]}
        case {"type": "array", "items": items}:
            return {**schema, "items": _with_exact(items, place)}
        case {"type": "map", "values": values}:
            return {**schema, "values": _with_exact(values, place)}
        case {"type": dict() | list() as inner}:
            return {**schema, "type": _with_exact(inner, place)}
        case _:
            return schema


def _field(field: JsonValue, record: str) -> JsonValue:
    """Return a field without its default: reading uses none of the writer, and fastavro refuses some valid ones."""
    if not isinstance(field, dict):
        return field
    kept = {key: value for key, value in field.items() if key != "default"}
    return {**kept, "type": _with_exact(field.get("type"), f"{record}: {field.get('name')}")}


def _read(raw: bytes, writer: dict[str, JsonValue] | None, _reader: object) -> Decimal:
    match writer:
        case {"type": kind, "precision": int(precision), "scale": int(scale), "onex-place": str(place)}:
            digits = _without_padding(raw, size_of(precision)) if kind == "fixed" else raw
            return read_decimal(digits, precision, scale, place)
        case _:
            raise PoisonError("a decimal without precision and scale")


def _without_padding(raw: bytes, size: int) -> bytes:
    """Return the last ``size`` bytes of a ``fixed`` if those before them only repeat the sign."""
    padding = len(raw) - size
    if padding <= 0:
        return raw
    sign = b"\xff" if raw[padding] & 0x80 else b"\x00"
    return raw[padding:] if raw[:padding] == sign * padding else raw


fastavro.read.LOGICAL_READERS[f"bytes-{_DECIMAL}"] = _read
fastavro.read.LOGICAL_READERS[f"fixed-{_DECIMAL}"] = _read
