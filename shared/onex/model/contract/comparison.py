"""Compiles a guard for the type of its field. A guard has no code: only an operator and a constant."""

import json
import operator
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Final, Literal, Union, get_args, get_origin
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from onex.model.contract.guards import Constant, EnumComparison, ModelGuard

Test = Callable[[object], bool]
"""Returns whether the value of a field fulfils a guard."""

_ORDERED: Final[tuple[object, ...]] = (int, float, str, date, datetime, Decimal)
_UNORDERED: Final[tuple[object, ...]] = (bool, UUID)
_OPERATORS: Final[Mapping[EnumComparison, Callable[[object, object], bool]]] = {
    EnumComparison.EQUAL: operator.eq,
    EnumComparison.UNEQUAL: operator.ne,
    EnumComparison.LESS: operator.lt,  # type: ignore[dict-item]  # the type of the field has an order, as checked below
    EnumComparison.AT_MOST: operator.le,  # type: ignore[dict-item]  # as above
    EnumComparison.MORE: operator.gt,  # type: ignore[dict-item]  # as above
    EnumComparison.AT_LEAST: operator.ge,  # type: ignore[dict-item]  # as above
}


def compile_guard(guard: ModelGuard, annotation: object) -> Test:
    """Return the test of a field with this annotation. Raise ValueError when operator or constant do not fit it.

    A value that is None is unequal to each constant except null, and fulfils no other comparison.
    """
    plain, may_be_none = _without_none(annotation)
    _require_order(guard, plain)
    match guard.value:
        case None:
            if not may_be_none:
                raise ValueError(f"the field is never null, as {_name(plain)} has no null; remove the guard")
            is_equal = guard.operator is EnumComparison.EQUAL
            return lambda value: (value is None) is is_equal
        case tuple() as listed:
            members = tuple(_typed(constant, plain) for constant in listed)
            return lambda value: value in members
        case constant:
            typed = _typed(constant, plain)
    compare = _OPERATORS[guard.operator]
    if may_be_none and guard.operator.is_ordered:
        return lambda value: value is not None and compare(value, typed)
    return lambda value: compare(value, typed)


def _without_none(annotation: object) -> tuple[object, bool]:
    """Return the type of a value that is not None, and whether None is possible."""
    if get_origin(annotation) is Annotated:
        return _without_none(get_args(annotation)[0])
    if get_origin(annotation) not in (Union, UnionType):
        return annotation, False
    parts = [part for part in get_args(annotation) if part is not NoneType]
    if len(parts) != 1:
        return annotation, False
    return _without_none(parts[0])[0], True


def _require_order(guard: ModelGuard, plain: object) -> None:
    """Raise ValueError for a type that no guard, or not this one, compares."""
    if plain in _ORDERED:
        return
    if plain not in _UNORDERED and get_origin(plain) is not Literal and not _is_enum(plain):
        raise ValueError(f"{_name(plain)} is not one value; compare a text, number, truth value, time, UUID or enum")
    if guard.operator.is_ordered:
        raise ValueError(f"{_name(plain)} has no order; write ==, != or in")


def _typed(constant: Constant, plain: object) -> object:
    """Return a constant as a value of the field. Raise ValueError for one of another type."""
    adapter: TypeAdapter[object] = TypeAdapter(plain)  # type: ignore[arg-type]  # an annotation
    try:
        value = adapter.validate_json(json.dumps(constant), strict=True)
    except ValidationError:
        raise ValueError(f"{_shown(constant)} is no {_name(plain)}") from None
    match value:
        case datetime() if value.tzinfo is None:
            raise ValueError(f"{_shown(constant)} has no time zone; write 2026-01-31T12:00:00Z")
    return value


def _is_enum(plain: object) -> bool:
    match plain:
        case type() if issubclass(plain, Enum):
            return True
    return False


def _name(plain: object) -> str:
    match plain:
        case type():
            return plain.__name__
    return str(plain)


def _shown(constant: Constant) -> str:
    text = json.dumps(constant)
    return text if len(text) <= 80 else f"{text[:80]}..."
