"""Converts defaults of fields to Avro's JSON form (Avro specification, "Schema Record", table of field defaults).

The default of a union is a value of its first branch; ``fields_of`` puts the branch of the default first.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from math import isfinite

from pydantic import BaseModel, JsonValue

from onex.schema.codec_runtime import dump_date, dump_timestamp, zigzag
from onex.schema.decimals import write_decimal
from onex.schema.refusal import UNWRITABLE
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


def avro_default(kind: AvroType, value: object) -> JsonValue:
    """Return the default in the form of a schema. Raise UnsupportedTypeError if it is not a value of its type."""
    try:
        return _form(kind, value)
    except UNWRITABLE as error:
        raise UnsupportedTypeError(f"its default is no value of its type: {error}") from None


def _form(kind: AvroType, value: object) -> JsonValue:
    match kind, value:
        case Nullable(), None:
            return None
        case Nullable(item), _:
            return _form(item, value)
        case Array(item), list() | tuple():
            return [_form(item, each) for each in value]
        case Map(item), Mapping():
            return {str(key): _form(item, each) for key, each in value.items()}
        case Record(model), BaseModel() if isinstance(value, model):
            return _record(value)
        case OneOf(models), BaseModel() if type(value) in models:
            return _record(value)
        case Fixed(precision, scale), Decimal():
            return write_decimal(value, precision, scale).decode("latin-1")
        case Scalar(), _:
            return _scalar(kind, value)
        case _:
            raise TypeError(f"{type(value).__name__} does not belong here")


def _record(value: BaseModel) -> JsonValue:
    return {name: _form(kind, vars(value)[name]) for name, kind in fields_of(type(value)).items()}


def _scalar(kind: Scalar, value: object) -> JsonValue:
    is_whole = kind.python is float and isinstance(value, int)
    if not (is_whole or isinstance(value, kind.python)) or (isinstance(value, bool) and kind.python is not bool):
        raise TypeError(f"{type(value).__name__} is no {kind.python.__name__}")
    match value:
        case Enum():
            return str(value.value)
        case datetime():
            return dump_timestamp(value)
        case date():
            return dump_date(value)
        case bytes():
            return value.decode("latin-1")
        case float() if not isfinite(value):
            raise ValueError("a number that is not finite has no form in a schema")
        case int() if kind.name == "long":
            zigzag(value)
            return value
        case str() | int() | float():
            return value
        case _:
            return str(value)
