"""The message types in annotations of handlers."""

from collections.abc import Callable, Sequence
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from onex.model.message import Message

_CONTAINERS = (Union, UnionType, list, tuple, Sequence)


def type_hints(function: Callable[..., object]) -> tuple[dict[str, object], str]:
    """Return the annotations of a function, or an empty mapping and a problem."""
    try:
        return get_type_hints(function), ""
    except (NameError, TypeError) as error:
        return {}, f"cannot read its annotations: {error}"


def models_in(annotation: object) -> frozenset[type[Message]]:
    """Return the message types in an annotation, including those in unions, lists and tuples."""
    if annotation in (None, NoneType, Ellipsis):
        return frozenset()
    if isinstance(annotation, type) and issubclass(annotation, Message):
        return frozenset({annotation})
    if get_origin(annotation) in _CONTAINERS:
        return frozenset().union(*(models_in(argument) for argument in get_args(annotation)))
    return frozenset()


def may_return_none(function: Callable[..., object]) -> bool:
    """Return whether a function may return None. A function without a readable annotation may."""
    hints, complaint = type_hints(function)
    returned = hints.get("return", NoneType) if not complaint else NoneType
    return returned in (None, NoneType, object, Any) or (
        get_origin(returned) in (Union, UnionType) and NoneType in get_args(returned)
    )
