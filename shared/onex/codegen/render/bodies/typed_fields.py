"""Fields of data from outside the mesh: rows of a database, and JSON of a response."""

import ast
from collections.abc import Mapping

from onex.codegen.render.bodies.body import NODE_API, Import
from onex.codegen.render.bodies.sources import Root
from onex.codegen.render.values import is_optional, without_none
from onex.model.contract import FieldValues
from onex.model.contract.field_type import PLAIN_TYPES, field_type_names

_MODULES: Mapping[str, str] = {"datetime": "datetime", "date": "datetime", "UUID": "uuid"}


def used_fields(root: str, values: FieldValues) -> list[str]:
    """Return the fields of a root that the values of a message use."""
    paths = [path for value in values.values() for path in value.paths if path.root == root]
    return list(dict.fromkeys(path.fields[0] for path in paths if path.fields))


def typed_root(expression: str, types: Mapping[str, str], *, each: str = "") -> Root:
    """Return a root whose fields are checked against declared types when they are read.

    With ``each`` a field is the list of its values in every item of that expression.
    """

    def read(root: str, field: str) -> str:
        one = f'{_function(types[field])}({root}, "{field}", {without_none(types[field])})'
        return f"[{one} for row in {each}]" if each else one

    names = frozenset(name for text in types.values() for name in field_type_names(text))
    return Root(expression, names=names, first=read)


def typed_imports(types: Mapping[str, str]) -> frozenset[Import]:
    """Return the imports for reading fields of these types, without those of messages."""
    names = {node.id for text in types.values() for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
    standard = {(_MODULES[name], name) for name in names & PLAIN_TYPES.keys() & _MODULES.keys()}
    return frozenset({(NODE_API, _function(text)) for text in types.values()} | standard)


def selected(types: Mapping[str, str], fields: list[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the types of these fields, and a problem for each field without a type."""
    problems = tuple(f"the type of {field} is not declared" for field in fields if field not in types)
    return {field: types[field] for field in fields if field in types}, problems


def _function(text: str) -> str:
    return "optional_field_of" if is_optional(text) else "field_of"


__all__ = ["selected", "typed_imports", "typed_root", "used_fields"]
