"""Checks rendered Python against its shape: a contract can add nothing that the templates do not have."""

import ast
from collections.abc import Sequence
from typing import Final

from onex.codegen.render.shape import ClassShape, Shape
from onex.errors import RejectedError

_STATEMENTS: Final = (ast.Assign, ast.Return)
_EXPRESSIONS: Final = (
    ast.Add,
    ast.Attribute,
    ast.BinOp,
    ast.BitOr,
    ast.BoolOp,
    ast.Call,
    ast.Constant,
    ast.Dict,
    ast.IfExp,
    ast.List,
    ast.Load,
    ast.Name,
    ast.Or,
    ast.Store,
    ast.Subscript,
    ast.Tuple,
    ast.arg,
    ast.arguments,
    ast.keyword,
    *_STATEMENTS,
)
_NUMBERS: Final = frozenset({0, 1, 5, 1970})
_CALLED_METHODS: Final = frozenset({"model_copy", "result"})


class _DiffersError(Exception):
    """A part of the rendered code is not in its shape."""


def verified(source: str, shape: Shape, what: str) -> str:
    """Return the source, if its syntax tree has exactly the imports, classes, fields, methods and texts of the shape.

    Raise RejectedError, which names the difference. Text of a contract is checked before it is rendered: a difference
    is a gap in those checks, found before the code runs.
    """
    try:
        tree = ast.parse(source)
        compile(tree, "<rendered>", "exec", dont_inherit=True)
        _module(tree, shape)
    except _DiffersError as error:
        raise RejectedError(f"{what}: the rendered code has {error}, which the contract does not ask for") from None
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise RejectedError(f"{what}: the rendered code is no Python: {error}") from None
    return source


def _module(tree: ast.Module, shape: Shape) -> None:
    body = _after_docstring(tree.body, shape.description)
    imports = [statement for statement in body if isinstance(statement, ast.ImportFrom)]
    found = [(node.module or "", alias.name) for node in imports for alias in node.names]
    if any(node.level for node in imports) or any(alias.asname for node in imports for alias in node.names):
        raise _DiffersError("a relative import, or one under another name")
    _same(sorted(found), sorted(shape.imports), "imports")
    classes = [statement for statement in body if isinstance(statement, ast.ClassDef)]
    _same([node.name for node in classes], list(shape.classes), "classes")
    for node in classes:
        _class(node, shape.classes[node.name], shape)
    others = [statement for statement in body if not isinstance(statement, ast.ImportFrom | ast.ClassDef)]
    exported = [] if shape.exported is None else [f"__all__ = {list(shape.exported)!r}"]
    _same([ast.unparse(statement) for statement in others], exported, "statements")


def _class(node: ast.ClassDef, wanted: ClassShape, shape: Shape) -> None:
    bases = ", ".join(ast.unparse(part) for part in (*node.bases, *node.keywords))
    _same(bases, wanted.bases, f"bases of {node.name}")
    if node.decorator_list or getattr(node, "type_params", None):
        raise _DiffersError("a decorated or generic class")
    body = _after_docstring(node.body, wanted.description)
    fields: list[tuple[str, str]] = []
    methods: list[str] = []
    for statement in body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=None):
                fields.append((name, ast.unparse(annotation)))
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                methods.append(statement.name)
                _method(statement, wanted, shape)
            case _:
                raise _DiffersError(f"a statement in {node.name}")
    _same(fields, list(wanted.fields.items()), f"fields of {node.name}")
    _same(methods, list(wanted.methods), f"methods of {node.name}")


def _method(node: ast.FunctionDef | ast.AsyncFunctionDef, wanted: ClassShape, shape: Shape) -> None:
    if node.decorator_list or isinstance(node, ast.AsyncFunctionDef) is not wanted.coroutines:
        raise _DiffersError("a decorated method, or one of the wrong sort")
    parts = node.args
    if parts.vararg or parts.kwarg or parts.kwonlyargs or parts.posonlyargs or parts.defaults:
        raise _DiffersError("a parameter with a star or a default")
    _same([part.arg for part in parts.args], list(wanted.methods.get(node.name, ())), f"parameters of {node.name}")
    if not all(isinstance(statement, _STATEMENTS) for statement in node.body):
        raise _DiffersError(f"a statement in {node.name}")
    inside = [parts, *([node.returns] if node.returns else []), *node.body]
    for part in (found for root in inside for found in ast.walk(root)):
        _expression(part, shape)


def _expression(node: ast.AST, shape: Shape) -> None:
    if not isinstance(node, _EXPRESSIONS):
        raise _DiffersError(f"a {type(node).__name__}")
    match node:
        case ast.Name(id=name, ctx=ctx):
            allowed = {"new", "old", "shown"} if isinstance(ctx, ast.Store) else shape.names | {"shown"}
            _known(name, allowed, "a name")
        case ast.Attribute(attr=name) | ast.keyword(arg=str(name)):
            _known(name, shape.attributes, "an attribute")
        case ast.keyword():
            raise _DiffersError("an argument with two stars")
        case ast.Call(func=ast.Name()):
            pass
        case ast.Call(func=ast.Attribute(value=ast.Name(id="run" | "old"), attr=name)) if name in _CALLED_METHODS:
            pass
        case ast.Call():
            raise _DiffersError("a call of something else than a class")
        case ast.Constant(value=value):
            _constant(value, shape)


def _constant(value: object, shape: Shape) -> None:
    match value:
        case str():
            _known(value, shape.texts, "a text")
        case None | bool() | b"":
            pass
        case int() | float() if value in _NUMBERS:
            pass
        case _:
            raise _DiffersError("a constant")


def _after_docstring(body: Sequence[ast.stmt], wanted: str) -> Sequence[ast.stmt]:
    match body:
        case [ast.Expr(value=ast.Constant(value=str(text))), *rest]:
            _same(text, wanted, "docstrings")
            return rest
    raise _DiffersError("no docstring")


def _same(found: object, wanted: object, what: str) -> None:
    if found != wanted:
        raise _DiffersError(f"other {what}")


def _known(name: str, allowed: frozenset[str] | set[str], what: str) -> None:
    if name not in allowed:
        raise _DiffersError(f"{what} {name[:64]!r}")
