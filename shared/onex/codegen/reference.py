"""Renders ``docs/contract-reference.md``: every key of a contract, from the models that enforce it."""

import inspect
import types
from collections import abc
from collections.abc import Mapping
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from onex.codegen.field_docs import field_docs
from onex.codegen.model_parts import models_of
from onex.contract.refused_keys import NOT_SUPPORTED_YET
from onex.model.contract import ModelAggregation, ModelContract, ModelLiteral, ModelPath, ModelTextTemplate
from onex.model.duration import Duration

_HEAD = """# Contract reference

Every key of `contract.yaml`. Rendered from the models that enforce it by `onex contract render`;
`onex contract schema` prints the same as JSON Schema, for editors.

A key that is not listed is refused with file, line and remedy. Known keys of ONEX contracts that this
engine does not enforce yet are refused as well, never ignored: {refused}.
"""
_WRITTEN: Mapping[type[BaseModel], str] = {
    ModelAggregation: "`count` or `{sum: Event.field}`",
    ModelLiteral: "`{literal: value}`",
    ModelPath: "`Message.field`",
    ModelTextTemplate: "text with `{Message.field}`",
}
"""Models that a contract writes as a text or a short map."""
_LIMITS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<", "min_length": "at least", "max_length": "at most"}


def reference_files() -> dict[str, str]:
    """Return the file, by path below the root of the repository."""
    refused = ", ".join(f"`{name}`" for name in sorted(NOT_SUPPORTED_YET))
    parts = [_HEAD.format(refused=refused)]
    for model in models_of(ModelContract):
        if model in _WRITTEN:
            continue
        parts.append(_section(model))
    return {"docs/contract-reference.md": "\n".join(parts)}


def _section(model: type[BaseModel]) -> str:
    doc = (inspect.getdoc(model) or "").replace("``", "`")
    docs = {name: text.replace("``", "`").replace("|", "\\|") for name, text in field_docs(model).items()}
    rows = [
        f"| `{name}` | {_type(_declared(field))}{_limits(field)} | {_default(field)} | {docs.get(name, '')} |"
        for name, field in model.model_fields.items()
    ]
    head = f"## {model.__name__}\n\n{doc}\n\n| key | type | default | meaning |\n|---|---|---|---|\n"
    return head + "\n".join(rows) + "\n"


def _declared(field: FieldInfo) -> object:
    """Return whether a field is a duration: pydantic removes ``Annotated``, but keeps its metadata."""
    return Duration if any(item in field.metadata for item in get_args(Duration)[1:]) else field.annotation


def _type(annotation: object) -> str:
    if annotation == Duration:
        return "duration (`200ms`, `30s`, `5m`)"
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(arguments[0])
    if origin is Literal:
        return " or ".join(f"`{argument}`" for argument in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(_type(argument) for argument in arguments if argument is not type(None))
    if origin in (dict, abc.Mapping):
        return f"map of {_type(arguments[1])}"
    if origin in (tuple, list):
        return f"list of {_type(arguments[0])}"
    if isinstance(annotation, type) and annotation in _WRITTEN:
        return _WRITTEN[annotation]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    if isinstance(annotation, type) and hasattr(annotation, "__members__"):
        return " or ".join(f"`{member}`" for member in annotation.__members__.values())
    names = {str: "text", int: "whole number", float: "number", bool: "`true` or `false`"}
    return names.get(annotation, "any value")  # type: ignore[call-overload,no-any-return]  # JsonValue is no class


def _limits(field: FieldInfo) -> str:
    found = [
        f"{sign} {value}"
        for item in field.metadata
        for name, sign in _LIMITS.items()
        if (value := getattr(item, name, None)) is not None
    ]
    return f", {' and '.join(found)}" if found else ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    default = field.get_default(call_default_factory=False)
    match default:
        case None if field.default_factory is None:
            return "none"
        case BaseModel() | () | "" | None:
            return "empty" if not isinstance(default, BaseModel) else "its defaults"
        case _ if default is PydanticUndefined:
            return "empty"
        case _:
            return f"`{default}`"
