"""The strings below the fields of a model class, which Python does not store."""

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping
from functools import cache

from pydantic import BaseModel


def field_docs(model: type[BaseModel]) -> dict[str, str]:
    """Return the documentation of each field on one line, by name, including inherited fields."""
    docs: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        if issubclass(cls, BaseModel) and cls is not BaseModel:
            docs |= _of_module(cls.__module__).get(cls.__qualname__, {})
    return docs


@cache
def _of_module(name: str) -> Mapping[str, Mapping[str, str]]:
    """Return the documentation of fields by class: a module is read once, and has many classes."""
    return dict(_of_classes(ast.parse(inspect.getsource(sys.modules[name])), ""))


def _of_classes(scope: ast.Module | ast.ClassDef, outer: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    for statement in scope.body:
        match statement:
            case ast.ClassDef(name=name):
                yield f"{outer}{name}", _of_class(statement)
                yield from _of_classes(statement, f"{outer}{name}.")


def _of_class(definition: ast.ClassDef) -> Mapping[str, str]:
    docs: dict[str, str] = {}
    for field, text in zip(definition.body, definition.body[1:], strict=False):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(doc))):
                docs[name] = " ".join(doc.split())
    return docs
