"""Checks rendered Python against its shape: a contract can add nothing that the templates do not have."""

import ast
from collections.abc import Sequence
from typing import Final

from onex.codegen.render.grammar import DiffersError, Grammar, same
from onex.codegen.render.shape import ClassShape, Shape
from onex.errors import RejectedError

_UNFINISHED: Final = "NotImplementedNodeError"


def verified(source: str, shape: Shape, what: str) -> str:
    """Return the source, if its syntax tree has exactly the imports, classes, fields, methods and texts of the shape.

    Raise RejectedError, which names the difference. Text of a contract is checked before it is rendered: a difference
    is a gap in those checks, found before the code runs.
    """
    try:
        tree = ast.parse(source)
        compile(tree, "<rendered>", "exec", dont_inherit=True)
        _module(tree, shape)
    except DiffersError as error:
        raise RejectedError(f"{what}: the rendered code has {error}, which the contract does not ask for") from None
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise RejectedError(f"{what}: the rendered code is no Python: {error}") from None
    return source


def _module(tree: ast.Module, shape: Shape) -> None:
    body = _after_docstring(tree.body, shape.description)
    imports = [statement for statement in body if isinstance(statement, ast.ImportFrom)]
    found = [(node.module or "", alias.name) for node in imports for alias in node.names]
    if any(node.level for node in imports) or any(alias.asname for node in imports for alias in node.names):
        raise DiffersError("a relative import, or one under another name")
    same(sorted(found), sorted(shape.imports), "imports")
    classes = [statement for statement in body if isinstance(statement, ast.ClassDef)]
    same([node.name for node in classes], list(shape.classes), "classes")
    for node in classes:
        _class(node, shape.classes[node.name], shape)
    others = [statement for statement in body if not isinstance(statement, ast.ImportFrom | ast.ClassDef)]
    exported = [] if shape.exported is None else [f"__all__ = {list(shape.exported)!r}"]
    same([ast.unparse(statement) for statement in others], exported, "statements")


def _class(node: ast.ClassDef, wanted: ClassShape, shape: Shape) -> None:
    bases = ", ".join(ast.unparse(part) for part in (*node.bases, *node.keywords))
    same(bases, wanted.bases, f"bases of {node.name}")
    if node.decorator_list or getattr(node, "type_params", None):
        raise DiffersError("a decorated or generic class")
    body = _after_docstring(node.body, wanted.description)
    fields: list[tuple[str, str]] = []
    methods: list[str] = []
    grammar = Grammar(shape)
    for statement in body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=None):
                fields.append((name, ast.unparse(annotation)))
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if name in wanted.exact:
                methods.append(name)
                same(ast.unparse(statement), wanted.exact[name], f"method {name}")
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                methods.append(statement.name)
                _method(statement, wanted, grammar)
            case _:
                raise DiffersError(f"a statement in {node.name}")
    same(fields, list(wanted.fields.items()), f"fields of {node.name}")
    same(methods, [*wanted.methods, *wanted.exact], f"methods of {node.name}")


def _method(node: ast.FunctionDef | ast.AsyncFunctionDef, wanted: ClassShape, grammar: Grammar) -> None:
    if isinstance(node, ast.AsyncFunctionDef) is not wanted.coroutines or getattr(node, "type_params", None):
        raise DiffersError("a method of the wrong sort")
    marks = ["unfinished"] if node.name in wanted.unfinished else []
    same([ast.unparse(decorator) for decorator in node.decorator_list], marks, f"decorators of {node.name}")
    parts = node.args
    if parts.vararg or parts.kwarg or parts.kwonlyargs or parts.posonlyargs or parts.defaults:
        raise DiffersError("a parameter with a star or a default")
    same([part.arg for part in parts.args], list(wanted.methods.get(node.name, ())), f"parameters of {node.name}")
    annotations = [part.annotation for part in parts.args if part.annotation]
    for annotation in (*annotations, *([node.returns] if node.returns else [])):
        grammar.expression(annotation)
    grammar.statements(node.body)
    raised = {part.id for statement in node.body for part in ast.walk(statement) if isinstance(part, ast.Name)}
    if (_UNFINISHED in raised) is not bool(marks):
        raise DiffersError(f"another end of {node.name}")


def _after_docstring(body: Sequence[ast.stmt], wanted: str) -> Sequence[ast.stmt]:
    match body:
        case [ast.Expr(value=ast.Constant(value=str(text))), *rest]:
            same(text, wanted, "docstrings")
            return rest
    raise DiffersError("no docstring")
