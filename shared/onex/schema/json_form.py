"""Reads messages from JSON exactly: a value that Avro cannot represent exactly is refused.

pydantic reads a number with a fraction as a float before it converts it to a Decimal, and a whole number with an
exponent before it converts it to an int. This module converts such numbers to texts, or ints, before pydantic reads
them.
"""

import json
import re
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from decimal import Decimal, InvalidOperation
from functools import lru_cache, partial
from math import isinf
from typing import Literal

from pydantic import BaseModel, JsonValue, ValidationError

from onex.errors import PoisonError, RejectedError
from onex.model.message import Message
from onex.schema.types import Array, AvroType, Fixed, Map, Nullable, OneOf, Record, Scalar, fields_of
from onex.util.error_text import validation_text

_LONGEST = 1_100
"""Maximum number of characters of a number. The exact text of a double is not longer. The time for converting a text
to an int grows with the square of its length."""
_DELICATE = re.compile(rb"[0-9]{16}|[0-9][eE][+-]?[0-9]|[.,][0-9]{7}")
"""Matches every JSON text with a number that loses digits as a float, or a time that loses digits in microseconds."""
_FINER = re.compile(r"[.,][0-9]{6}[0-9]*[1-9]")
_NAMES = ("nan", "inf", "infinity")


class _Number(float):
    """A float with the text that it was read from."""

    __slots__ = ("text",)
    text: str


def json_reader(
    model: type[Message],
    encode: Callable[[Message], bytes],
    no_json: str = "neither Avro in Confluent wire format nor JSON",
    extra: Literal["ignore"] | None = None,
) -> Callable[[bytes], Message]:
    """Return a function that reads a message from JSON.

    It raises PoisonError, with the text ``no_json``, for bytes that are not JSON, and RejectedError, with the field,
    for values that do not fit. ``encode`` checks whether values fit their Avro types, unless every value of the
    model's types does. ``extra`` replaces what the models say about fields that they do not have.
    """
    kinds = {type(kind) if isinstance(kind, Fixed) else kind for kind in _leaves(model)}
    validate = model.__pydantic_validator__.validate_json
    if extra is not None:
        validate = partial(validate, extra=extra)
    has_decimals = Fixed in kinds
    is_delicate = any(isinstance(kind, Scalar) and kind.name in ("long", "double") for kind in kinds)
    may_not_fit = has_decimals or any(isinstance(kind, Scalar) and kind.name == "long" for kind in kinds)

    def read(value: bytes) -> Message:
        text: bytes | str = value
        if has_decimals or (is_delicate and _DELICATE.search(value)):
            text = _exact_text(model, value, no_json)
        try:
            message: Message = validate(text)
        except ValidationError as error:
            if error.errors()[0]["type"] == "json_invalid":
                raise PoisonError(no_json) from None
            raise RejectedError(validation_text(error, model)) from None
        if may_not_fit:
            encode(message)
        return message

    return read


@lru_cache(maxsize=1000)
def _leaves(model: type[BaseModel]) -> AbstractSet[AvroType]:
    """Return every scalar and decimal type of a model and of its nested models."""
    leaves: set[AvroType] = set()
    seen: set[type[BaseModel]] = set()

    def visit(kind: AvroType) -> None:
        match kind:
            case Array(item) | Map(item) | Nullable(item):
                visit(item)
            case Record(inner):
                enter(inner)
            case OneOf(models):
                for inner in models:
                    enter(inner)
            case Scalar() | Fixed():
                leaves.add(kind)

    def enter(inner: type[BaseModel]) -> None:
        if inner not in seen:
            seen.add(inner)
            for kind in fields_of(inner).values():
                visit(kind)

    enter(model)
    return frozenset(leaves)


@lru_cache(maxsize=1000)
def _fields(model: type[BaseModel]) -> dict[str, AvroType]:
    """Return the type of each field by every name that it has in JSON."""
    kinds = fields_of(model)
    aliases = {name: field.validation_alias for name, field in model.model_fields.items()}
    return kinds | {alias: kinds[name] for name, alias in aliases.items() if type(alias) is str}


def _exact_text(model: type[Message], value: bytes, no_json: str) -> str:
    """Return the same JSON, with numbers in a form that pydantic reads exactly."""

    def number(text: str) -> _Number:
        value = _Number(_bounded(model, text))
        value.text = text
        return value

    try:
        data: JsonValue = json.loads(
            value.decode(), parse_float=number, parse_int=lambda text: int(_bounded(model, text))
        )
    except (ValueError, RecursionError):
        raise PoisonError(no_json) from None
    return json.dumps(_exact(Record(model), data, model.__name__))


def _bounded(model: type[Message], text: str) -> str:
    if len(text) > _LONGEST:
        raise RejectedError(f"{model.__name__}: a number of {len(text)} characters; {_LONGEST} are allowed")
    return text


def _exact(kind: AvroType, value: JsonValue, at: str) -> JsonValue:
    match kind, value:
        case Nullable(item), _:
            return _exact(item, value, at)
        case Array(item), list():
            return [_exact(item, each, at) for each in value]
        case Map(item), dict():
            return {key: _exact(item, each, at) for key, each in value.items()}
        case Record(model), dict():
            fields = _fields(model)
            return {
                name: _exact(fields[name], each, f"{model.__name__}: {name}") if name in fields else each
                for name, each in value.items()
            }
        case OneOf(models), dict():
            # The branch is not known yet. A number as text fits every numeric type of a branch.
            return _exact_branches(models, value, at)
        case Fixed(), _Number():
            return value.text
        case Fixed(), int() if not isinstance(value, bool):
            return str(value)
        case Scalar("long", _, ""), _Number():
            return _whole(value)
        case Scalar("long", _, "timestamp-micros"), _Number() | str() if _FINER.search(_text_of(value)):
            raise RejectedError(f"{at}: a time is exact to microseconds, and not finer")
        case Scalar("double"), int() | float() | str() if _is_too_large(value):
            raise RejectedError(f"{at}: a number too large for a double")
        case _:
            return value


def _exact_branches(models: tuple[type[BaseModel], ...], value: dict[str, JsonValue], at: str) -> JsonValue:
    exact: JsonValue = value
    for model in models:
        required = {name: field.validation_alias for name, field in model.model_fields.items() if field.is_required()}
        if all(name in value or (type(alias) is str and alias in value) for name, alias in required.items()):
            exact = _exact(Record(model), exact, at)
    return exact


def _text_of(value: _Number | str) -> str:
    return value if isinstance(value, str) else value.text


def _whole(value: _Number) -> JsonValue:
    """Return the int that was written with a fraction or an exponent, or the number if it is no int, or too long."""
    try:
        exact = Decimal(value.text)
    except InvalidOperation:  # the exponent is too large
        return value
    if exact.adjusted() > 20 or exact != exact.to_integral_value():
        return value
    return int(exact)


def _is_too_large(value: float | str) -> bool:
    """Return whether a number became infinite that was not written as infinity."""
    try:
        number = float(value)
    except OverflowError:
        return True
    except ValueError:
        return False  # it is no number: pydantic refuses it
    if not isinstance(value, _Number | str):
        return False
    return isinf(number) and _text_of(value).strip().lstrip("+-").lower() not in _NAMES
