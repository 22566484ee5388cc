"""Aggregations of a reducer: how an event changes one field of the state."""

from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema, model_serializer

from onex.model.contract.base import ContractPart
from onex.model.contract.sources import PATH_SCHEMA, ModelPath
from onex.model.enums import EnumAggregation

_WITH_SOURCE = tuple(item.value for item in EnumAggregation if item is not EnumAggregation.COUNT)


class ModelAggregation(ContractPart):
    """``count``, or ``{sum: CardCharged.amount}``; also ``min``, ``max`` and ``last``. The state is one per key."""

    operation: EnumAggregation
    """What happens to the field."""
    source: ModelPath | None = None
    """Field of the event. None for ``count``."""

    @model_serializer
    def _yaml(self) -> str | dict[str, str]:
        return self.operation.value if self.source is None else {self.operation.value: str(self.source)}


def _read(value: object) -> object:
    match value:
        case ModelAggregation():
            return value
        case "count":
            return ModelAggregation(operation=EnumAggregation.COUNT)
        case dict() if len(value) == 1:
            ((name, source),) = value.items()
            if name in _WITH_SOURCE and isinstance(source, str):
                return ModelAggregation(operation=EnumAggregation(name), source=ModelPath.parse(source))
    raise ValueError(f"is no aggregation; write count, or {{{' | '.join(_WITH_SOURCE)}: Event.field}}")


Aggregation = Annotated[
    ModelAggregation,
    BeforeValidator(_read),
    WithJsonSchema(
        {
            "anyOf": [
                {"const": "count"},
                {
                    "type": "object",
                    "properties": dict.fromkeys(_WITH_SOURCE, PATH_SCHEMA),
                    "minProperties": 1,
                    "maxProperties": 1,
                    "additionalProperties": False,
                },
            ]
        }
    ),
]
"""``count``, or ``{sum: Event.field}``."""
