"""Decides whether a decoded model may be built without pydantic, and generates the checks that replace it."""

import annotated_types as at
from pydantic import BaseModel

from onex.model.message import Message
from onex.schema.types import Nullable, Scalar, fields_of

_CLOSED_CONFIG = {"frozen", "extra", "ser_json_bytes", "val_json_bytes", "ser_json_inf_nan"}
_OPERATORS = {at.Gt: (">", "gt"), at.Ge: (">=", "ge"), at.Lt: ("<", "lt"), at.Le: ("<=", "le")}
_LENGTHS = {at.MinLen: (">=", "min_length"), at.MaxLen: ("<=", "max_length")}


def is_fully_checked(model: type[BaseModel]) -> bool:
    """Return whether Avro's types and the inlined checks cover all checks of pydantic.

    True for models whose fields are plain scalars (or None) with no constraints but comparisons and lengths, and
    that have no validators, private attributes or ``model_post_init``.
    """
    decorators = model.__pydantic_decorators__
    if any(
        (decorators.validators, decorators.field_validators, decorators.root_validators, decorators.model_validators)
    ):
        return False
    if model.__private_attributes__ or model.model_post_init is not BaseModel.model_post_init:
        return False
    if not set(model.model_config) <= _CLOSED_CONFIG or not issubclass(model, Message):
        return False
    for name, kind in fields_of(model).items():
        inner = kind.item if isinstance(kind, Nullable) else kind
        plain = isinstance(inner, Scalar) and inner.python in (str, int, float, bool, bytes)
        field = model.model_fields[name]
        annotation = str(field.annotation)
        if not plain or "Literal[" in annotation or "Annotated[" in annotation:
            return False
        checked = (*_OPERATORS, *_LENGTHS)
        if not all(type(constraint) in checked for constraint in field.metadata):
            return False
        if field.metadata and isinstance(kind, Nullable):
            return False
    return True


def constraint_checks(model: type[BaseModel], values: dict[str, str]) -> list[str]:
    """Return Python conditions that are true for every valid message. ``values`` has the local name of each field."""
    checks: list[str] = []
    for name, variable in values.items():
        for constraint in model.model_fields[name].metadata:
            if comparison := _OPERATORS.get(type(constraint)):
                checks.append(f"{variable} {comparison[0]} {getattr(constraint, comparison[1])!r}")
            elif comparison := _LENGTHS.get(type(constraint)):
                checks.append(f"len({variable}) {comparison[0]} {getattr(constraint, comparison[1])!r}")
    return checks
