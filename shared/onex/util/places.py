"""The place of a value in a message, without content of the message: keys of maps are content."""

from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Annotated, Union, get_args, get_origin

from pydantic import BaseModel

from onex.util.redaction import HIDDEN


def place_of(location: Sequence[str | int], model: type[BaseModel] | None) -> str:
    """Return a dotted location in a value of the model. Empty for the value itself.

    Without a model, all parts are treated as names of fields.
    """
    shown: list[str] = []
    kinds: Sequence[object] = [model]
    for part in location:
        is_key = any(_is_map(kind) for kind in kinds) and not any(_has_field(kind, part) for kind in kinds)
        shown.append(HIDDEN if is_key else str(part))
        kinds = [inner for kind in kinds for inner in _below(kind, part)]
    return ".".join(shown)


def _is_map(kind: object) -> bool:
    origin = get_origin(kind)
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _has_field(kind: object, part: str | int) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel) and part in kind.model_fields


def _below(kind: object, part: str | int) -> Sequence[object]:
    """Return the types that this part of a value can have."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        field = kind.model_fields.get(str(part))
        return [kind] if field is None else _alternatives(field.annotation)  # a tag of a union names no field
    arguments = [each for each in get_args(kind) if each is not Ellipsis]
    return _alternatives(arguments[-1]) if arguments else []


def _alternatives(annotation: object) -> Sequence[object]:
    """Return the members of a union, or the type itself."""
    match get_origin(annotation):
        case origin if origin is Annotated:
            return _alternatives(get_args(annotation)[0])
        case origin if origin in (Union, UnionType):
            return [inner for each in get_args(annotation) for inner in _alternatives(each)]
    return [annotation]
