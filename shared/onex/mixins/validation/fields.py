"""Fields of messages by dotted path: their types, and their values."""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from types import UnionType
from typing import Annotated, Union, get_args, get_origin

from pydantic import BaseModel

_COLLECTIONS = (list, tuple, set, frozenset, Sequence, AbstractSet)


def types_at(model: type[BaseModel], path: str) -> Sequence[object]:
    """Return the types that values at the path can have; empty when no field is there."""
    kinds: Sequence[object] = [model]
    for name in path.split("."):
        kinds = [found for kind in kinds for found in _types_of_field(kind, name)]
    return kinds


def _types_of_field(kind: object, name: str) -> Iterator[object]:
    match kind:
        case type() if issubclass(kind, BaseModel) and name in kind.model_fields:
            yield from _single(kind.model_fields[name].annotation)
        case _:
            return


def _single(annotation: object) -> Iterator[object]:
    """Yield the types of a value, or of the items of a list of them."""
    origin = get_origin(annotation)
    if origin in (Union, UnionType, *_COLLECTIONS):
        for argument in get_args(annotation):
            yield from _single(argument)
    elif origin is Annotated:
        yield from _single(get_args(annotation)[0])
    else:
        yield annotation


def values_at(message: object, path: str) -> Iterator[object]:
    """Yield the values at the path: one, or one for each item of the lists on the way."""
    name, _, rest = path.partition(".")
    for each in _items(getattr(message, name, None)):
        if rest:
            yield from values_at(each, rest)
        else:
            yield each


def _items(value: object) -> Iterator[object]:
    match value:
        case list() | tuple() | set() | frozenset():
            for item in value:
                yield from _items(item)
        case _:
            yield value
