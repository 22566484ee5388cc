"""Whether JSON says which model of a union it holds. Avro writes the branch; JSON holds nothing but the fields."""

from collections.abc import Sequence
from itertools import permutations
from typing import Literal, get_args, get_origin

from pydantic import BaseModel


def confusion(models: Sequence[type[BaseModel]]) -> str:
    """Reason why JSON of one model may be read as another, with the remedy. Empty when each can be told apart."""
    for one, other in permutations(models, 2):
        if _fits(one, other):
            return (
                f"JSON of {one.__name__} is JSON of {other.__name__} too; give each a field that tells them apart: "
                f'kind: Literal["{one.__name__}"] = "{one.__name__}"'
            )
    return ""


def _fits(one: type[BaseModel], other: type[BaseModel]) -> bool:
    """Whether all fields of ``one`` together are a message of ``other``, as far as their names and literals say."""
    mine, theirs = one.model_fields, other.model_fields
    required = {name for name, field in theirs.items() if field.is_required()}
    if not required <= set(mine) <= set(theirs):
        return False
    return not any(_differ(mine[name].annotation, theirs[name].annotation) for name in mine)


def _differ(one: object, other: object) -> bool:
    """Whether both are literals without a common value."""
    if not get_origin(one) is get_origin(other) is Literal:
        return False
    return not set(get_args(one)) & set(get_args(other))
