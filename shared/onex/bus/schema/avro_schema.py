"""The Avro schema of a message model."""

import builtins
import json
from enum import Enum

from pydantic import BaseModel, JsonValue
from pydantic.fields import FieldInfo

from onex.bus.schema.types import Array, AvroType, Fixed, Map, Nullable, OneOf, Record, Scalar, fields_of

Schema = JsonValue


def avro_schema(model: type[BaseModel], namespace: str = "onex") -> dict[str, Schema]:
    """Avro record schema of ``model``; raises UnsupportedTypeError for fields that cannot travel."""
    # Nested records inherit the namespace: written out again, registries hand back another text.
    record = _record(model, set())
    return {"type": record.pop("type"), "name": record.pop("name"), "namespace": namespace, **record}


def canonical(schema: Schema) -> str:
    """One text per schema: compact JSON, keys in the order they were built."""
    return json.dumps(schema, separators=(",", ":"), ensure_ascii=False)


def _record(model: type[BaseModel], seen: set[type[BaseModel]]) -> dict[str, Schema]:
    seen.add(model)
    fields: list[Schema] = []
    for name, kind in fields_of(model).items():
        field: dict[str, Schema] = {"name": name, "type": _schema(kind, seen)}
        default = _default(model.model_fields[name])
        match kind, default:
            case Nullable(), None:
                field["default"] = None
            case Scalar(logical="" | "enum"), str() | int() | float():
                field["default"] = default.value if isinstance(default, Enum) else default
            case Array() | Map(), list() | tuple() | dict() if not default:
                field["default"] = [] if isinstance(kind, Array) else {}
        fields.append(field)
    schema: dict[str, Schema] = {"type": "record", "name": model.__name__}
    if doc := (model.__doc__ or "").strip().partition("\n")[0]:
        schema["doc"] = doc
    return schema | {"fields": fields}


def _default(field: FieldInfo) -> object:
    """An empty list, tuple or dict may be given as a factory; other factories give no schema default."""
    match field.default_factory:
        case builtins.list | builtins.tuple | builtins.dict as empty:
            return empty()
        case _:
            return field.get_default(call_default_factory=False)


def _schema(kind: AvroType, seen: set[type[BaseModel]]) -> Schema:
    match kind:
        case Scalar(name, _, "" | "enum"):
            return name
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
        case Nullable(OneOf(models)):
            return ["null", *(_named(model, seen) for model in models)]
        case Nullable(item):
            return ["null", _schema(item, seen)]
        case Record(model):
            return _named(model, seen)
        case OneOf(models):
            return [_named(model, seen) for model in models]


def _named(model: type[BaseModel], seen: set[type[BaseModel]]) -> Schema:
    return model.__name__ if model in seen else _record(model, seen)
