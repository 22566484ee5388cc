"""Checks that JSON shows which model of a union it has. Avro writes the branch; JSON has only the fields."""

from collections.abc import Sequence
from itertools import permutations
from typing import Literal, get_args, get_origin

from pydantic import BaseModel


def confusion(models: Sequence[type[BaseModel]]) -> str:
    """Return why JSON of one model may be read as another, with the remedy. Empty when no model fits another."""
    for model, other in permutations(models, 2):
        if _fits(model, other):
            return (
                f"JSON of {model.__name__} is also JSON of {other.__name__}; add a field to each that distinguishes "
                f'them: kind: Literal["{model.__name__}"] = "{model.__name__}"'
            )
    return ""


def _fits(model: type[BaseModel], other: type[BaseModel]) -> bool:
    """Return whether the fields of ``model`` are a message of ``other``, judged by their names and literals."""
    mine, theirs = model.model_fields, other.model_fields
    required = {name for name, field in theirs.items() if field.is_required()}
    if not required <= set(mine) <= set(theirs):
        return False
    return not any(_differ(mine[name].annotation, theirs[name].annotation) for name in mine)


def _differ(annotation: object, other: object) -> bool:
    """Return whether both are literals without a common value."""
    if not get_origin(annotation) is get_origin(other) is Literal:
        return False
    return not set(get_args(annotation)) & set(get_args(other))
