"""Values in a contract: a path of a declared message, or a literal. There are no operators and no calls."""

import math
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
    WithJsonSchema,
    field_validator,
    model_serializer,
)

from onex.model.contract.base import ContractPart
from onex.model.contract.identifiers import Identifier, class_name_problem, identifier_problem

LONGEST_TEXT: Final = 1000
"""Longest literal text, in characters."""
DEEPEST_PATH: Final = 8
"""Largest number of fields after the root of a path."""
_LONGEST_PATH: Final = 600
"""Longest path, in characters."""
_LARGEST_INT: Final = 2**63 - 1
"""Avro has no larger number."""


class ModelPath(ContractPart):
    """``OrderPriced.order_id`` or ``PlaceOrder.customer.name``, written as text: a root, then fields."""

    root: Identifier
    """Class name of a message; in a workflow also the id of a step; and names such as ``row`` and ``failure``."""
    fields: tuple[Identifier, ...] = Field(default=(), max_length=DEEPEST_PATH)
    """Fields, from the outer to the inner. Empty for values that have none, such as ``status``."""

    @classmethod
    def parse(cls, text: str) -> "ModelPath":
        """Return the path in a text. Raise ValueError."""
        root, *fields = text.split(".") if len(text) <= _LONGEST_PATH else [""]
        problem = next((why for part in (root, *fields) if (why := identifier_problem(part))), "")
        if problem or len(fields) > DEEPEST_PATH:
            why = problem or f"more than {DEEPEST_PATH} fields"
            raise ValueError(f"{_shown(text)} is no path: {why}; write Message.field, or {{literal: value}}")
        return cls(root=root, fields=tuple(fields))

    @property
    def paths(self) -> tuple["ModelPath", ...]:
        """The path itself. A literal has none."""
        return (self,)

    def __str__(self) -> str:
        return ".".join((self.root, *self.fields))

    @model_serializer
    def _text(self) -> str:
        return str(self)


class ModelLiteral(ContractPart):
    """A constant: ``{literal: EUR}``."""

    literal: StrictBool | StrictInt | StrictFloat | StrictStr | None
    """A text, a number, true, false or null. A whole number also fits fields of type ``float``."""

    @field_validator("literal")
    @classmethod
    def _is_bounded(cls, value: bool | float | str | None) -> bool | float | str | None:
        match value:
            case str() if len(value) > LONGEST_TEXT:
                raise ValueError(f"a literal text has at most {LONGEST_TEXT} characters")
            case bool():
                pass
            case int(number) if abs(number) > _LARGEST_INT:
                raise ValueError("a literal number has at most 63 bits")
            case float() if not math.isfinite(value):
                raise ValueError(f"{value} is no literal; write a finite number")
        return value

    @property
    def paths(self) -> tuple[ModelPath, ...]:
        """Nothing: a constant reads no message."""
        return ()


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."


def _read(value: object) -> object:
    """Return the value of a path or literal in YAML. Raise ValueError with words for its author."""
    match value:
        case ModelPath() | ModelLiteral():
            return value
        case str():
            return ModelPath.parse(value)
        case {"literal": constant, **others} if not others:
            try:
                return ModelLiteral(literal=constant)
            except ValidationError as error:
                first = error.errors()[0]
                words = str(first["ctx"]["error"]) if first["type"] == "value_error" else ""
                raise ValueError(words or f"{_shown(constant)} is no text, number, true, false or null") from None
    raise ValueError(f"{_shown(value)} is no value; write Message.field, or {{literal: value}}")


PATH_SCHEMA: Final = {
    "type": "string",
    "pattern": r"^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*$",
    "maxLength": _LONGEST_PATH,
}
_LITERAL_SCHEMA: Final = {
    "type": "object",
    "properties": {"literal": {"type": ["string", "number", "boolean", "null"], "maxLength": LONGEST_TEXT}},
    "required": ["literal"],
    "additionalProperties": False,
}

Value = Annotated[
    ModelLiteral | ModelPath,
    BeforeValidator(_read),
    WithJsonSchema({"anyOf": [PATH_SCHEMA, _LITERAL_SCHEMA]}),
]
"""``Message.field``, or ``{literal: value}``."""


def _are_fields(values: dict[str, ModelPath | ModelLiteral]) -> dict[str, ModelPath | ModelLiteral]:
    if problems := [problem for name in values if (problem := identifier_problem(name))]:
        raise ValueError("; ".join(problems))
    return values


def _is_one_message(values: dict[str, "FieldValues"]) -> dict[str, "FieldValues"]:
    problems = [problem for name in values if (problem := class_name_problem(name))]
    if len(values) > 1:
        problems.append(f"maps {len(values)} messages; a handler returns one of them, so map one")
    if problems:
        raise ValueError("; ".join(problems))
    return values


FieldValues = Annotated[dict[str, Value], AfterValidator(_are_fields)]
"""Value by field of a message. A field of type ``T | None`` that is not listed becomes None."""
OneMapped = Annotated[dict[str, FieldValues], AfterValidator(_is_one_message)]
"""``{OutputEvent: {field: value}}``, of one message, or empty."""
