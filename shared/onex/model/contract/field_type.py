"""Types of fields as text. Python's parser reads them; they are never evaluated."""

import ast
from collections.abc import Mapping
from datetime import date, datetime
from typing import Final
from uuid import UUID

PLAIN_TYPES: Mapping[str, type] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": bool,
    "bytes": bytes,
    "datetime": datetime,
    "date": date,
    "UUID": UUID,
}
DEEPEST_CONTAINERS: Final = 8
"""Deepest nesting of lists and maps in a field. Compiled code has a loop for each, and Python limits these."""
_LONGEST = 200
"""Characters."""


def field_type_names(text: str) -> set[str]:
    """Return the message types in a field type. Raise ValueError for a type that cannot be sent."""
    names: set[str] = set()
    _walk(_parse(text), text, names)
    return names


def to_annotation(text: str, models: Mapping[str, type]) -> object:
    """Return the annotation of a field type. Raise ValueError."""
    return _build(_parse(text), text, models)


def canonical_type(text: str) -> str:
    """Return a field type without comments and needless brackets and blanks. Raise ValueError."""
    node = _parse(text)
    _walk(node, text, set())
    return ast.unparse(node)


def _parse(text: str) -> ast.expr:
    if len(text) > _LONGEST:
        raise _refused(text)
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # zero bytes, and deep nesting
        raise _refused(text) from None


def _refused(text: str) -> ValueError:
    known = ", ".join(PLAIN_TYPES)
    shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    return ValueError(f"{shown!r} is no field type; write {known}, list[T], dict[str, T], T | None or a model's name")


def _walk(node: ast.expr, text: str, names: set[str], depth: int = 0) -> None:
    if depth > DEEPEST_CONTAINERS:
        raise ValueError(f"{text!r} has more than {DEEPEST_CONTAINERS} lists and maps in one another; use a model")
    match node:
        case ast.Name(id=name):
            if name not in PLAIN_TYPES:
                names.add(name)
        case ast.Subscript(value=ast.Name(id="list"), slice=item):
            _walk(item, text, names, depth + 1)
        case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=[ast.Name(id="str"), item])):
            _walk(item, text, names, depth + 1)
        case ast.BinOp(left=left, op=ast.BitOr(), right=ast.Constant(value=None)):
            _walk(left, text, names, depth)
        case _:
            raise _refused(text)


def _build(node: ast.expr, text: str, models: Mapping[str, type]) -> object:
    match node:
        case ast.Name(id=name):
            return PLAIN_TYPES.get(name) or models[name]
        case ast.Subscript(value=ast.Name(id="list"), slice=item):
            return list[_build(item, text, models)]  # type: ignore[misc]  # built at run time
        case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=[_, item])):
            return dict[str, _build(item, text, models)]  # type: ignore[misc]  # built at run time
        case ast.BinOp(left=left):
            return _build(left, text, models) | None  # type: ignore[operator]  # built at run time
        case _:
            raise _refused(text)
