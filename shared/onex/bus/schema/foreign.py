"""Reading what another writer's schema describes, with decimals that are exact.

fastavro rounds decimals to the precision of their schema and turns any number of bytes into digits. Its hook for
logical types of one's own takes them instead: decimals get another name in a copy of the writer's schema.
"""

from decimal import Decimal

import fastavro
import fastavro.read
from pydantic import JsonValue

from onex.bus.schema.decimals import read_decimal
from onex.bus.schema.types import MAX_PRECISION
from onex.model.errors import PoisonError, SchemaMismatchError

AvroSchema = str | list[JsonValue] | dict[str, JsonValue]
_DECIMAL = "onex-exact-decimal"


def parse_writer(schema: AvroSchema) -> AvroSchema:
    """Return the schema as fastavro reads it fastest, with exact decimals.

    Raises SchemaMismatchError for a decimal without a sound precision.
    """
    parsed: AvroSchema = fastavro.parse_schema(_with_exact(schema, ""))  # type: ignore[arg-type]  # _with_exact keeps the shape
    return parsed


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
        case {"type": "bytes", "logicalType": "decimal"}:
            precision, scale = schema.get("precision"), schema.get("scale", 0)
            if not isinstance(precision, int) or not 0 < precision <= MAX_PRECISION or not isinstance(scale, int):
                raise SchemaMismatchError(f"{place or 'the schema'}: a decimal of precision {precision!r}")
            return {**schema, "logicalType": _DECIMAL, "scale": scale, "onex-place": place}
        case {"type": "record", "name": name, "fields": list(fields)}:
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
    if not isinstance(field, dict):
        return field
    return {**field, "type": _with_exact(field.get("type"), f"{record}: {field.get('name')}")}


def _read(raw: bytes, writer: dict[str, JsonValue] | None, _reader: object) -> Decimal:
    match writer:
        case {"precision": int(precision), "scale": int(scale), "onex-place": str(place)}:
            return read_decimal(raw, precision, scale, place)
        case _:
            raise PoisonError("a decimal without precision and scale")


fastavro.read.LOGICAL_READERS[f"bytes-{_DECIMAL}"] = _read
