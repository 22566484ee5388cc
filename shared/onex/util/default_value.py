"""The default of a field in a schema: one value that is the same in every process at every time."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import cast
from uuid import UUID

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

_REMEDY = "write a constant default, or `T | None = None` and set the value where the message is made"
_CONSTANT: tuple[object, ...] = (str, int, float, bool, bytes)
_CONTAINERS = (list, tuple, dict, BaseModel)


def default_of(field: FieldInfo) -> object:
    """Return the default of a field, or ``PydanticUndefined`` when it has none.

    Raise ValueError, with the remedy, for a factory whose value is no constant: it depends on other fields, returns a
    single value (a constant needs no factory), contains a time or a UUID, or differs between two calls.
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
    if not isinstance(value, _CONTAINERS) or _has_a_moment(value) or plain(value) != plain(make()):
        raise ValueError(
            f"its default_factory may return a different value each time, so it cannot be part of a schema; {_REMEDY}"
        )
    return value


def default_problem(field: FieldInfo) -> str:
    """Return why the default of a field cannot be part of a schema, with the remedy. Empty when it can."""
    try:
        default_of(field)
    except ValueError as error:
        return str(error)
    return ""


def has_default(value: object) -> bool:
    """Return whether the value of :func:`default_of` is a default."""
    return value is not PydanticUndefined


def plain(value: object) -> object:
    """Return a value as pydantic validates it: models as their fields, containers as copies."""
    match value:
        case BaseModel():
            return {name: plain(each) for name, each in vars(value).items()}
        case list() | tuple():
            return [plain(each) for each in value]
        case Mapping():
            return {name: plain(each) for name, each in value.items()}
        case _:
            return value


def _has_a_moment(value: object) -> bool:
    """Return whether a value contains a date, a time or a UUID. Two calls in a row may return equal ones."""
    match value:
        case BaseModel():
            return any(_has_a_moment(each) for each in vars(value).values())
        case list() | tuple():
            return any(_has_a_moment(each) for each in value)
        case Mapping():
            return any(_has_a_moment(each) for each in value.values())
        case _:
            return isinstance(value, date | UUID)
