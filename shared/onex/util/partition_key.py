"""The canonical text of a key: equal values have equal texts, whichever client writes them."""

import types
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Literal, Union, get_args, get_origin
from uuid import UUID

KEY_TYPES = "str, int, Decimal, UUID, date, datetime, or an enum or Literal of texts; each may be optional"


def key_problem(annotation: object) -> str:
    """Return why a field of this type cannot be a key. Empty when it can."""
    if get_origin(annotation) is Annotated:
        return key_problem(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        inner = [item for item in get_args(annotation) if item is not type(None)]
        return key_problem(inner[0]) if len(inner) == 1 else "a union has no canonical text"
    if get_origin(annotation) is Literal:
        texts = all(isinstance(item, str) for item in get_args(annotation))
        return "" if texts else "only texts of a Literal have a canonical text"
    if not isinstance(annotation, type):
        return f"{annotation} has no canonical text"
    if issubclass(annotation, Enum):
        texts = all(isinstance(member.value, str) for member in annotation)
        return "" if texts else f"the values of {annotation.__name__} are no texts"
    if issubclass(annotation, str | int | Decimal | UUID | date) and annotation is not bool:
        return ""
    return f"{annotation.__name__} has no canonical text"


def key_text(value: object) -> str:
    """Return the canonical text of a key. Empty for None: the record then has no key of its own.

    Raise ValueError for a datetime without a time zone and for a Decimal that is not finite, and TypeError for
    a type that cannot be a key.
    """
    match value:
        case None:
            return ""
        case Enum():
            return str(value.value)
        case str():
            return value
        case bool():
            raise TypeError(f"bool is no type of a key; use {KEY_TYPES}")
        case int() | UUID():
            return str(value)
        case Decimal():
            return _decimal_text(value)
        case datetime():
            return _instant_text(value)
        case date():
            return value.isoformat()
        case _:
            raise TypeError(f"{type(value).__name__} is no type of a key; use {KEY_TYPES}")


def _decimal_text(value: Decimal) -> str:
    """Return digits without an exponent and without zeros at the end of a fraction. Zero has no sign."""
    if not value.is_finite():
        raise ValueError("a key is a finite number")
    if not value:
        return "0"
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _instant_text(value: datetime) -> str:
    """Return ISO 8601 in UTC with ``Z``, and six digits of a second unless they are zero."""
    if value.utcoffset() is None:
        raise ValueError("a time that is a key has a time zone")
    return value.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"
