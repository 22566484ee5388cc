"""When a decoded model may be built without asking pydantic, and the checks that then stand in for it."""

import annotated_types as at
from pydantic import BaseModel

from onex.model.message import Message
from onex.schema.types import Nullable, Scalar, fields_of

_CLOSED_CONFIG = {"frozen", "extra", "ser_json_bytes", "val_json_bytes", "ser_json_inf_nan"}
_OPERATORS = {at.Gt: (">", "gt"), at.Ge: (">=", "ge"), at.Lt: ("<", "lt"), at.Le: ("<=", "le")}
_LENGTHS = {at.MinLen: (">=", "min_length"), at.MaxLen: ("<=", "max_length")}


def is_direct(model: type[BaseModel]) -> bool:
    """Whether Avro's types and the inlined checks say all that pydantic would check.

    True for models whose fields are plain scalars (or None), with comparisons and lengths as only
    constraints, and which have no validators, private attributes or ``model_post_init``.
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
        known = (*_OPERATORS, *_LENGTHS)
        if not all(type(constraint) in known for constraint in field.metadata):
            return False
        if field.metadata and isinstance(kind, Nullable):
            return False
    return True


def constraint_checks(model: type[BaseModel], values: dict[str, str]) -> list[str]:
    """Python conditions over the local names in ``values`` that hold for every valid message."""
    checks: list[str] = []
    for name, variable in values.items():
        for constraint in model.model_fields[name].metadata:
            if found := _OPERATORS.get(type(constraint)):
                checks.append(f"{variable} {found[0]} {getattr(constraint, found[1])!r}")
            elif found := _LENGTHS.get(type(constraint)):
                checks.append(f"len({variable}) {found[0]} {getattr(constraint, found[1])!r}")
    return checks
