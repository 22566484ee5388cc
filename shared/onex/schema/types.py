"""The types of message fields, as a small tree. The Avro schema and the compiled codec are built from it."""

import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Annotated, Literal, Union, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from onex.model.contract.field_type import DEEPEST_CONTAINERS
from onex.schema.unions import confusion
from onex.util.default_value import default_of, has_default


@dataclass(frozen=True, slots=True)
class Scalar:
    """``name`` is the Avro primitive, ``logical`` the logical type, ``python`` the class of the value."""

    name: Literal["string", "bytes", "long", "double", "boolean"]
    python: type
    logical: str = ""
    symbols: tuple[str, ...] = ()
    """Every text of an enum or a Literal."""
    fallback: str | None = None
    """The text of the enum's ``_missing_``, which replaces an unknown text. None: an unknown text is refused."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """Decimal with a declared precision (digits) and scale (decimal places)."""

    precision: int
    scale: int


@dataclass(frozen=True, slots=True)
class Array:
    """``list`` or ``tuple[T, ...]`` (``as_tuple``)."""

    item: "AvroType"
    as_tuple: bool


@dataclass(frozen=True, slots=True)
class Map:
    """``dict[str, T]``."""

    item: "AvroType"


@dataclass(frozen=True, slots=True)
class Nullable:
    """``T | None``."""

    item: "AvroType"
    null_last: bool = False
    """The default is a value: Avro takes the default of a union from its first branch."""


@dataclass(frozen=True, slots=True)
class Record:
    """A nested model."""

    model: type[BaseModel]


@dataclass(frozen=True, slots=True)
class OneOf:
    """Union of models. The class of a value is its branch."""

    models: tuple[type[BaseModel], ...]


AvroType = Scalar | Fixed | Array | Map | Nullable | Record | OneOf

_SCALARS: Mapping[type, Scalar] = {
    str: Scalar("string", str),
    bytes: Scalar("bytes", bytes),
    bool: Scalar("boolean", bool),
    int: Scalar("long", int),
    float: Scalar("double", float),
    datetime: Scalar("long", datetime, "timestamp-micros"),
    date: Scalar("long", date, "date"),
    UUID: Scalar("string", UUID, "uuid"),
}

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_PRECISION = 1_000
"""Maximum number of digits of a Decimal. The time for reading one grows with the square of their number."""
_EXACT_JSON: Mapping[str, Mapping[str, str]] = {
    "bytes": {"ser_json_bytes": "base64", "val_json_bytes": "base64"},
    "double": {"ser_json_inf_nan": "strings"},
}
"""Configuration of a model whose JSON has each value of a type exactly. Message has it."""


class UnsupportedTypeError(TypeError):
    """A field has a type without an Avro type. The text names the model, the field and the remedy."""


def fields_of(model: type[BaseModel]) -> dict[str, AvroType]:
    """Return the Avro type of every field, in the order of the model. Raise UnsupportedTypeError."""
    return dict(_fields_of(model))


@lru_cache(maxsize=1000)
def _fields_of(model: type[BaseModel]) -> Mapping[str, AvroType]:
    kinds: dict[str, AvroType] = {}
    for name, field in model.model_fields.items():
        try:
            kind = _type_of(field.annotation, field.metadata)
            _check_json(model, kind)
            if _depth(kind) > DEEPEST_CONTAINERS:
                raise UnsupportedTypeError(
                    f"more than {DEEPEST_CONTAINERS} lists and maps in one another; put some into a model"
                )
            kinds[name] = _default_first(kind, default_of(field))
        except (UnsupportedTypeError, ValueError) as error:
            raise UnsupportedTypeError(f"{model.__name__}.{name}: {error}") from None
    return kinds


def _depth(kind: AvroType) -> int:
    """Return the number of lists and maps within each other."""
    match kind:
        case Array(item) | Map(item):
            return 1 + _depth(item)
        case Nullable(item):
            return _depth(item)
    return 0


def _default_first(kind: AvroType, default: object) -> AvroType:
    """Return the type with the branch of the default first."""
    match kind:
        case Nullable(item) if has_default(default) and default is not None:
            return Nullable(_default_first(item, default), null_last=True)
        case OneOf(models) if type(default) in models:
            return OneOf(tuple(sorted(models, key=lambda model: model is not type(default))))
        case _:
            return kind


def _check_json(model: type[BaseModel], kind: AvroType) -> None:
    """Raise UnsupportedTypeError when JSON of the model would not have every value of the type exactly.

    Messages are stored and sent as JSON, too. pydantic does not apply the configuration of a model to nested models.
    """
    match kind:
        case Array(item) | Map(item) | Nullable(item):
            _check_json(model, item)
        case Scalar(name, _, _):
            lacking = {key: value for key, value in _EXACT_JSON.get(name, {}).items() if _config(model, key) != value}
            if lacking:
                raise UnsupportedTypeError(
                    f"derive {model.__name__} from Message, or set {lacking} in its model_config"
                )
        case Fixed() | Record() | OneOf():
            pass


def _config(model: type[BaseModel], key: str) -> object:
    return dict(model.model_config).get(key)


def _type_of(annotation: object, metadata: Sequence[object] = ()) -> AvroType:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        inner = arguments[1:]
        spread = [item for m in inner for item in (m.metadata if isinstance(m, FieldInfo) else [m])]
        return _type_of(arguments[0], [*metadata, *spread])
    if origin in (Union, types.UnionType):
        return _union(arguments, metadata)
    if origin is Literal and all(isinstance(argument, str) for argument in arguments):
        return Scalar("string", str, "", arguments)
    if origin in (list, tuple, Sequence):
        if origin is tuple and (len(arguments) != 2 or arguments[1] is not Ellipsis):
            raise UnsupportedTypeError("write tuple[T, ...]; tuples of fixed length have no Avro type")
        return Array(_type_of(arguments[0]), origin is tuple)
    if origin in (dict, Mapping) and arguments[0] is str:
        return Map(_type_of(arguments[1]))
    if isinstance(annotation, type):
        return _class(annotation, metadata)
    raise UnsupportedTypeError(f"{annotation!r} cannot travel")


def _class(annotation: type, metadata: Sequence[object]) -> AvroType:
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    if issubclass(annotation, Decimal):
        precision = _constraint(metadata, "max_digits")
        scale = _constraint(metadata, "decimal_places")
        if precision is None or scale is None:
            raise UnsupportedTypeError("give a Decimal its size: Field(max_digits=12, decimal_places=2)")
        if not 0 <= scale <= precision <= MAX_PRECISION or precision == 0:
            raise UnsupportedTypeError(f"a Decimal has 1 to {MAX_PRECISION} max_digits, and no more decimal_places")
        return Fixed(precision, scale)
    if issubclass(annotation, Enum):
        if not all(isinstance(member.value, str) for member in annotation):
            raise UnsupportedTypeError(f"give the members of {annotation.__name__} texts as values")
        return Scalar(
            "string", annotation, "enum", tuple(member.value for member in annotation), _fallback(annotation)
        )
    if issubclass(annotation, BaseModel):
        return Record(annotation)
    raise UnsupportedTypeError(f"{annotation.__name__} cannot travel")


def _fallback(enum: type[Enum]) -> str | None:
    """Return the value of the member that ``_missing_`` returns for an unknown text, or None."""
    unknown = "".join(member.value for member in enum) + " "
    try:
        return str(enum(unknown).value)
    except ValueError:
        return None


def _constraint(metadata: Sequence[object], name: str) -> int | None:
    return next((value for item in metadata if (value := getattr(item, name, None)) is not None), None)


def _union(arguments: tuple[object, ...], metadata: Sequence[object]) -> AvroType:
    branches = tuple(argument for argument in arguments if argument is not type(None))
    models = tuple(branch for branch in branches if isinstance(branch, type) and issubclass(branch, BaseModel))
    if len(branches) == 1:
        inner = _type_of(branches[0], metadata)
    elif len(models) == len(branches):
        if reason := confusion(models):
            raise UnsupportedTypeError(reason)
        inner = OneOf(models)
    else:
        raise UnsupportedTypeError("a union may join None and one type, or several models")
    return Nullable(inner) if len(branches) < len(arguments) else inner


__all__ = [
    "EPOCH",
    "MAX_PRECISION",
    "Array",
    "AvroType",
    "Fixed",
    "Map",
    "Nullable",
    "OneOf",
    "Record",
    "Scalar",
    "UnsupportedTypeError",
    "fields_of",
]
