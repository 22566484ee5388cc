"""Plausible messages for golden cases."""

import ast

from pydantic import JsonValue

from onex.codegen.render.values import Models

_SAMPLES: dict[str, JsonValue] = {
    "int": 1,
    "float": 1.5,
    "bool": True,
    "bytes": "AQ==",
    "datetime": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "UUID": "00000000-0000-0000-0000-000000000001",
}


def sample_message(name: str, models: Models) -> dict[str, JsonValue]:
    """Return a plausible message as JSON."""
    return {field: _sample(text, field, models) for field, text in models[name].fields.items()}


def _sample(text: str, field: str, models: Models) -> JsonValue:
    if text == "str":
        return f"{field.replace('_', '-')}-1"
    if text in _SAMPLES:
        return _SAMPLES[text]
    match ast.parse(text, mode="eval").body:
        case ast.BinOp(left=left):
            return _sample(ast.unparse(left), field, models)
        case ast.Subscript(value=ast.Name(id="list"), slice=item):
            return [_sample(ast.unparse(item), field, models)]
        case ast.Subscript(slice=ast.Tuple(elts=[_, item])):
            return {"key": _sample(ast.unparse(item), field, models)}
        case _:
            return sample_message(text, models)
