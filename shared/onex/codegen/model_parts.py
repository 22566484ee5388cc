"""Models inside of models."""

from collections.abc import Iterator
from typing import get_args

from pydantic import BaseModel


def models_of(model: type[BaseModel]) -> list[type[BaseModel]]:
    """The model and every model its fields hold, each once, in the order they are met."""
    return _collect(model, [])


def models_in(annotation: object) -> Iterator[type[BaseModel]]:
    """Models that an annotation names, however deep."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)


def _collect(model: type[BaseModel], known: list[type[BaseModel]]) -> list[type[BaseModel]]:
    if model not in known:
        known.append(model)
        for field in model.model_fields.values():
            for part in models_in(field.annotation):
                _collect(part, known)
    return known
