"""Expressions and sample values of field types."""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from onex.model.contract import ModelMessageDefinition

Models = Mapping[str, ModelMessageDefinition]

_ZEROS = {
    "str": '""',
    "int": "0",
    "float": "0.0",
    "bool": "False",
    "bytes": 'b""',
    "datetime": "datetime(1970, 1, 1, tzinfo=UTC)",
    "date": "date(1970, 1, 1)",
    "UUID": "UUID(int=0)",
}
_SAMPLES: dict[str, JsonValue] = {
    "int": 1,
    "float": 1.5,
    "bool": True,
    "bytes": "AQ==",
    "datetime": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "UUID": "00000000-0000-0000-0000-000000000001",
}


def literal(text: str) -> str:
    """Return a text as a Python literal, in double quotes where possible."""
    written = repr(text)
    return f'"{written[1:-1]}"' if written[0] == "'" and '"' not in text else written


@dataclass(frozen=True, slots=True)
class Source:
    """An expression whose fields may be copied, with its possible message types."""

    expression: str
    models: Sequence[str]

    def has(self, field: str, text: str, models: Models) -> bool:
        """Return whether every possible type has the field with that type."""
        return all(models[name].fields.get(field) == text for name in self.models)


def construct(name: str, models: Models, sources: Sequence[Source], fixed: Mapping[str, str] | None = None) -> str:
    """Return ``Name(field=...)``. Fields of equal name and type are copied from the first source that has them.

    ``fixed`` has further expressions of texts, by field.
    """
    arguments = []
    for field, text in models[name].fields.items():
        source = next((s for s in sources if s.has(field, text, models)), None)
        if fixed and field in fixed and text == "str":
            value = fixed[field]
        elif source is not None:
            value = f"{source.expression}.{field}"
        else:
            value = zero(text, models)
        arguments.append(f"{field}={value}")
    return f"{name}({', '.join(arguments)})"


def zero(text: str, models: Models) -> str:
    """Return the expression of a field without a source."""
    if text in _ZEROS:
        return _ZEROS[text]
    node = ast.parse(text, mode="eval").body
    match node:
        case ast.BinOp():
            return "None"
        case ast.Subscript(value=ast.Name(id="list")):
            return "[]"
        case ast.Subscript():
            return "{}"
        case _:
            return construct(text, models, ())


def sample_message(name: str, models: Models) -> dict[str, JsonValue]:
    """Return a plausible message as JSON."""
    return {field: sample(text, field, models) for field, text in models[name].fields.items()}


def sample(text: str, field: str, models: Models) -> JsonValue:
    """Return a plausible JSON value."""
    if text == "str":
        return f"{field.replace('_', '-')}-1"
    if text in _SAMPLES:
        return _SAMPLES[text]
    node = ast.parse(text, mode="eval").body
    match node:
        case ast.BinOp(left=left):
            return sample(ast.unparse(left), field, models)
        case ast.Subscript(value=ast.Name(id="list"), slice=item):
            return [sample(ast.unparse(item), field, models)]
        case ast.Subscript(slice=ast.Tuple(elts=[_, item])):
            return {"key": sample(ast.unparse(item), field, models)}
        case _:
            return sample_message(text, models)
