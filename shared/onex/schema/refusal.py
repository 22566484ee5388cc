"""Finds the field of a message that cannot be written. Called after an encoder has failed, so it may be slow."""

import struct
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from uuid import UUID

from pydantic import BaseModel

from onex.schema.codec_runtime import dump_date, dump_timestamp, zigzag
from onex.schema.decimals import write_decimal
from onex.schema.types import Array, AvroType, Fixed, Map, Nullable, OneOf, Record, Scalar, fields_of
from onex.util.redaction import HIDDEN

UNWRITABLE: tuple[type[Exception], ...] = (
    ValueError,
    TypeError,
    AttributeError,
    KeyError,
    ArithmeticError,
    struct.error,
)
"""The exceptions of an encoder for a value that does not fit its type."""


def reason_of(message: BaseModel, error: Exception) -> str:
    """Return model, field and reason of the first value that cannot be written. The value itself may be secret."""
    problem = next(_problems(type(message), message, ""), None)
    return f"{type(message).__name__}: {problem or f'cannot be written: {type(error).__name__}'}"


def _problems(model: type[BaseModel], value: object, path: str) -> Iterator[str]:
    for name, kind in fields_of(model).items():
        at = f"{path}.{name}" if path else name
        if name not in vars(value):
            yield f"{at}: is missing"
        else:
            yield from _of_value(kind, vars(value)[name], at)


def _of_value(kind: AvroType, value: object, at: str) -> Iterator[str]:
    match kind, value:
        case Nullable(), None:
            return
        case Nullable(item), _:
            yield from _of_value(item, value, at)
        case Array(item), list() | tuple():
            for index, each in enumerate(value):
                yield from _of_value(item, each, f"{at}.{index}")
        case Map(item), Mapping():
            for key, each in value.items():
                yield from _of_value(Scalar("string", str), key, at)
                yield from _of_value(item, each, f"{at}.{HIDDEN}")
        case Record(model), BaseModel():
            yield from _problems(model, value, at)
        case OneOf(models), BaseModel() if type(value) in models:
            yield from _problems(type(value), value, at)
        case Scalar() | Fixed(), _:
            yield from _of_leaf(kind, value, at)
        case _:
            yield f"{at}: {type(value).__name__} does not belong here"


def _of_leaf(kind: Scalar | Fixed, value: object, at: str) -> Iterator[str]:
    python = Decimal if isinstance(kind, Fixed) else kind.python
    if not isinstance(value, python) and not (python is float and isinstance(value, int)):
        yield f"{at}: {type(value).__name__} is no {python.__name__}"
        return
    try:
        _write(kind, value)
    except UNWRITABLE as error:
        yield f"{at}: {type(error).__name__ if isinstance(error, UnicodeError) else error}"


def _write(kind: Scalar | Fixed, value: object) -> None:
    match kind, value:
        case Fixed(precision, scale), Decimal():
            write_decimal(value, precision, scale)
        case Scalar("long", _, ""), int():
            zigzag(value)
        case Scalar(_, _, logical), _ if writer := _WRITERS.get(logical):
            writer(value)
        case Scalar("string"), str() | UUID():
            str(value).encode()
        case Scalar("double"), int():
            float(value)


_WRITERS: Mapping[str, Callable[..., int]] = {"timestamp-micros": dump_timestamp, "date": dump_date}
