"""Guards of a state machine: one field of a message or of the state, compared with one constant."""

import math
from datetime import date
from enum import StrEnum
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    WithJsonSchema,
    model_validator,
)

from onex.model.contract.base import ContractPart
from onex.model.contract.identifiers import LONGEST_IDENTIFIER, identifier_problem

Constant = StrictBool | StrictInt | StrictFloat | StrictStr | None
OF_STATE: Final = "state."
"""Prefix of a field of the state. Other names are fields of the message."""
LONGEST_CONSTANT: Final = 1000
"""Longest text, in characters."""
MOST_CONSTANTS: Final = 100
"""Largest number of constants after ``in``."""
_LARGEST_INT: Final = 2**63 - 1
"""Avro has no larger number."""


class EnumComparison(StrEnum):
    """How a guard compares a field with its constant."""

    EQUAL = "=="
    UNEQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="
    AMONG = "in"

    @property
    def is_ordered(self) -> bool:
        """Whether the field needs a type with an order."""
        return self in (EnumComparison.LESS, EnumComparison.AT_MOST, EnumComparison.MORE, EnumComparison.AT_LEAST)


def _field(text: str) -> str:
    if problem := identifier_problem(text.removeprefix(OF_STATE)):
        raise ValueError(f"{problem}; write `field` of the message, or `{OF_STATE}field`")
    return text


def _constant(value: object) -> Constant:
    """Return a constant. Raise ValueError for any other value, and for one out of bounds."""
    match value:
        case None | bool():
            return value
        case str() if len(value) > LONGEST_CONSTANT:
            raise ValueError(f"a text to compare with has at most {LONGEST_CONSTANT} characters")
        case int() if abs(value) > _LARGEST_INT:
            raise ValueError("a number to compare with has at most 63 bits")
        case float() if not math.isfinite(value):
            raise ValueError(f"{value} cannot be compared; write a finite number")
        case int() | float() | str():
            return value
        case date():  # YAML makes dates of texts without quotes
            return value.isoformat()
    raise ValueError("write a text, a number, true, false, null, or a list of them")


def _constants(value: object) -> Constant | tuple[Constant, ...]:
    match value:
        case list() | tuple():
            if not 0 < len(value) <= MOST_CONSTANTS:
                raise ValueError(f"a list to compare with has 1 to {MOST_CONSTANTS} constants")
            return tuple(_constant(item) for item in value)
    return _constant(value)


_SCALAR_SCHEMA: Final = {"type": ["string", "number", "boolean", "null"], "maxLength": LONGEST_CONSTANT}
_FIELD_SCHEMA: Final = {
    "type": "string",
    "pattern": rf"^(state\.)?[A-Za-z][A-Za-z0-9_]{{0,{LONGEST_IDENTIFIER - 1}}}$",
}
GuardField = Annotated[str, AfterValidator(_field), WithJsonSchema(_FIELD_SCHEMA)]
GuardValue = Annotated[
    Constant | tuple[Constant, ...],
    BeforeValidator(_constants),
    WithJsonSchema(
        {
            "anyOf": [
                _SCALAR_SCHEMA,
                {"type": "array", "items": _SCALAR_SCHEMA, "minItems": 1, "maxItems": MOST_CONSTANTS},
            ]
        }
    ),
]


class ModelGuard(ContractPart):
    """A comparison of one field with a constant of the field's type."""

    field: GuardField
    """Field of the message, or ``state.field``. A key without a state fulfils no guard over its state."""
    operator: EnumComparison = Field(default=EnumComparison.EQUAL, validate_default=True)
    """Comparison. ``<``, ``<=``, ``>`` and ``>=`` need a number, text, date or time; ``in`` needs a list."""
    value: GuardValue
    """Constant of the field's type: times as ISO 8601 with a time zone, members of enums by value. ``null`` is the
    absence of a value, for ``==`` and ``!=``."""

    @model_validator(mode="after")
    def _value_fits_the_operator(self) -> "ModelGuard":
        match self.value:
            case tuple() as listed:
                if self.operator is not EnumComparison.AMONG:
                    raise ValueError(f"{self.operator} compares with one constant; write `in` for a list")
                if None in listed:
                    raise ValueError("`in` takes no null; write a transition of its own for it")
            case _ if self.operator is EnumComparison.AMONG:
                raise ValueError("`in` needs a list of constants; write `value: [...]`")
            case None if self.operator.is_ordered:
                raise ValueError(f"{self.operator} takes no null; null has no order")
        return self

    @property
    def is_of_state(self) -> bool:
        """Whether it compares a field of the state."""
        return self.field.startswith(OF_STATE)

    @property
    def name(self) -> str:
        """Name of the field, without the prefix."""
        return self.field.removeprefix(OF_STATE)

    def __str__(self) -> str:
        return f"{self.field} {self.operator} {self.value!r}"
