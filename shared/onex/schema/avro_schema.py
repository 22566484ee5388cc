"""Builds the Avro schema of a message model."""

import json
from functools import lru_cache
from typing import Annotated, cast

from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from onex.schema.defaults import avro_default
from onex.schema.types import (
    Array,
    AvroType,
    Fixed,
    Map,
    Nullable,
    OneOf,
    Record,
    Scalar,
    UnsupportedTypeError,
    fields_of,
)
from onex.util.default_value import default_of, has_default

Schema = JsonValue
SYMBOLS = "onex-symbols"
"""Property of a string: every text of the enum or Literal. Avro ignores it; ``onex plan`` reads it."""
FALLBACK = "onex-fallback"
"""Property of a string: the text that a reader uses in place of any other text. Without it the record is refused."""


def avro_schema(model: type[BaseModel], namespace: str = "onex") -> dict[str, Schema]:
    """Return the Avro record schema of ``model``. Raise UnsupportedTypeError for a field without an Avro type."""
    schema: dict[str, Schema] = json.loads(_text_of(model, namespace))
    return schema


@lru_cache(maxsize=1000)
def _text_of(model: type[BaseModel], namespace: str) -> str:
    """Return the schema as JSON: a plan, a codec and a catalogue ask for the same one."""
    # Nested records inherit the namespace. With a namespace of their own, registries return another text.
    record = _record(model, set())
    return json.dumps({"type": record.pop("type"), "name": record.pop("name"), "namespace": namespace, **record})


def canonical(schema: Schema) -> str:
    """Return the canonical text of a schema: compact JSON, with the keys in the order of the schema."""
    return json.dumps(schema, separators=(",", ":"), ensure_ascii=False)


def _record(model: type[BaseModel], seen: set[type[BaseModel]]) -> dict[str, Schema]:
    seen.add(model)
    fields: list[Schema] = []
    for name, kind in fields_of(model).items():
        field: dict[str, Schema] = {"name": name, "type": _schema(kind, seen)}
        if has_default(default := default_of(model.model_fields[name])):
            try:
                field["default"] = avro_default(kind, default)
                _check_constraints(model.model_fields[name], default)
            except UnsupportedTypeError as error:
                raise UnsupportedTypeError(f"{model.__name__}.{name}: {error}") from None
        fields.append(field)
    schema: dict[str, Schema] = {"type": "record", "name": model.__name__}
    if doc := (model.__doc__ or "").strip().partition("\n")[0]:
        schema["doc"] = doc
    return schema | {"fields": fields}


def _check_constraints(field: FieldInfo, default: object) -> None:
    """Raise UnsupportedTypeError for a default that breaks a constraint of its field.

    pydantic accepts any default, but a record without the field, or with the default, is validated when it is read.
    """
    if field.metadata and default is not None:
        try:
            annotation = cast(type[object], Annotated[(field.annotation, *field.metadata)])
            TypeAdapter(annotation).validate_python(default)
        except ValidationError as error:
            raise UnsupportedTypeError(f"its default breaks its own constraint: {error.errors()[0]['msg']}") from None


def _schema(kind: AvroType, seen: set[type[BaseModel]]) -> Schema:
    match kind:
        case Scalar(name, symbols=()) if kind.logical in ("", "enum"):
            return name
        case Scalar(name, symbols=symbols, fallback=fallback) if symbols:
            text: dict[str, Schema] = {"type": name, SYMBOLS: list(symbols)}
            return text if fallback is None else {**text, FALLBACK: fallback}
        case Scalar(_, _, "date"):
            return {"type": "int", "logicalType": "date"}
        case Scalar(name, _, logical):
            return {"type": name, "logicalType": logical}
        case Fixed(precision, scale):
            return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}
        case Array(item):
            return {"type": "array", "items": _schema(item, seen)}
        case Map(item):
            return {"type": "map", "values": _schema(item, seen)}
        case Nullable(item, null_last):
            inner = _schema(item, seen)
            branches = inner if isinstance(inner, list) else [inner]
            return [*branches, "null"] if null_last else ["null", *branches]
        case Record(model):
            return _named(model, seen)
        case OneOf(models):
            return [_named(model, seen) for model in models]


def _named(model: type[BaseModel], seen: set[type[BaseModel]]) -> Schema:
    return model.__name__ if model in seen else _record(model, seen)
