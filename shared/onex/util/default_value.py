"""The default of a field as a schema states it: one value that is the same in every process and on every day."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import cast
from uuid import UUID

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

_REMEDY = "write a constant default, or `T | None = None` and set the value where the message is made"
_CONSTANT: tuple[object, ...] = (str, int, float, bool, bytes)
_MADE_EACH_TIME = (list, tuple, dict, BaseModel)


def default_of(field: FieldInfo) -> object:
    """Return the default of a field, or ``PydanticUndefined`` when it has none.

    Raises ValueError, with the remedy, for a factory whose value is no constant: one that needs the other fields,
    makes a single value (a constant needs no factory), holds a time or a UUID, or differs between two calls.
    """
    factory = field.default_factory
    if factory is None:
        return field.default
    if field.default_factory_takes_validated_data:
        raise ValueError(f"its default_factory depends on other fields, so old records have no default; {_REMEDY}")
    make = cast(Callable[[], object], factory)
    value = make()
    if factory in _CONSTANT:
        return value
    if not isinstance(value, _MADE_EACH_TIME) or _holds_a_moment(value) or plain(value) != plain(make()):
        raise ValueError(
            f"its default_factory may make another value each time, so a schema cannot state it; {_REMEDY}"
        )
    return value


def default_problem(field: FieldInfo) -> str:
    """Reason why the default of a field cannot be part of a schema, with the remedy. Empty when it can."""
    try:
        default_of(field)
    except ValueError as error:
        return str(error)
    return ""


def has_default(value: object) -> bool:
    """Whether what :func:`default_of` returned is a default."""
    return value is not PydanticUndefined


def plain(value: object) -> object:
    """Return a value as pydantic validates it: models as their fields, containers as new ones."""
    match value:
        case BaseModel():
            return {name: plain(each) for name, each in vars(value).items()}
        case list() | tuple():
            return [plain(each) for each in value]
        case Mapping():
            return {name: plain(each) for name, each in value.items()}
        case _:
            return value


def _holds_a_moment(value: object) -> bool:
    """Whether a value holds a date, a time or a UUID: two calls within a microsecond, or a day, make the same."""
    match value:
        case BaseModel():
            return any(_holds_a_moment(each) for each in vars(value).values())
        case list() | tuple():
            return any(_holds_a_moment(each) for each in value)
        case Mapping():
            return any(_holds_a_moment(each) for each in value.values())
        case _:
            return isinstance(value, date | UUID)
