"""Models inside other models."""

from collections.abc import Iterator
from typing import get_args

from pydantic import BaseModel


def models_of(model: type[BaseModel]) -> list[type[BaseModel]]:
    """Return the model and all models in its fields, each once, in the order of their fields."""
    return _collect(model, [])


def models_in(annotation: object) -> Iterator[type[BaseModel]]:
    """Yield the models in an annotation, at any depth."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)


def _collect(model: type[BaseModel], models: list[type[BaseModel]]) -> list[type[BaseModel]]:
    if model not in models:
        models.append(model)
        for field in model.model_fields.values():
            for part in models_in(field.annotation):
                _collect(part, models)
    return models
