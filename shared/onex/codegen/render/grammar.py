"""The statements and expressions that rendered methods may have."""

import ast
import re
from collections.abc import Sequence
from typing import Final

from onex.codegen.render.shape import Shape

_EXPRESSIONS: Final = (
    ast.Add,
    ast.Attribute,
    ast.Await,
    ast.BinOp,
    ast.BitOr,
    ast.Call,
    ast.Compare,
    ast.Constant,
    ast.Dict,
    ast.IfExp,
    ast.Is,
    ast.List,
    ast.ListComp,
    ast.Load,
    ast.Name,
    ast.NotEq,
    ast.NotIn,
    ast.Store,
    ast.Subscript,
    ast.Tuple,
    ast.USub,
    ast.UnaryOp,
    ast.comprehension,
    ast.keyword,
)
_VARIABLES: Final = frozenset(
    {"content", "file", "found", "new", "response", "returned", "row", "rows", "sent", "status"}
)
"""Names that statements assign."""
_FUNCTIONS: Final = frozenset(
    {"Reduction", "bytes_of", "dict", "field_of", "len", "max", "min", "optional_field_of", "path_of", "utf8_text"}
)
_METHODS: Final = frozenset(
    {
        "command.model_dump",
        "connection.execute",
        "connection.fetch",
        "response.json",
        "run.result",
        "self.files.append",
        "self.files.delete",
        "self.files.read",
        "self.files.write",
        "self.http_client.request",
    }
)
_ERRORS: Final = frozenset({"NotImplementedNodeError", "RejectedError"})
_TRANSACTION: Final = "self.database.transaction() as connection"
_GUARD: Final = re.compile(r"self\.[a-z0-9_]+_circuit\.guard\(\)")
_ATTRIBUTES: Final = frozenset(
    {
        "accept",
        "command",
        "execute",
        "failure",
        "fetch",
        "files",
        "headers",
        "http_client",
        "intents",
        "json",
        "mode",
        "model_dump",
        "query",
        "reason",
        "request",
        "result",
        "status",
        "step",
        "timeout",
        "transition_to",
        "values",
        *(method.rpartition(".")[2] for method in _METHODS),
    }
)
"""Attributes and arguments of the engine's and the capabilities' own classes."""
_NUMBERS: Final = frozenset({0, 1})
_TEXTS: Final = frozenset({"json"})


class DiffersError(Exception):
    """A part of the rendered code is not in its shape."""


class Grammar:
    """What the methods of one module may have."""

    def __init__(self, shape: Shape) -> None:
        self._classes = shape.messages
        self._names = shape.names | _VARIABLES | {"connection", "self"} | _FUNCTIONS
        self._attributes = shape.attributes | _ATTRIBUTES
        self._texts = frozenset(text for text in shape.constants if isinstance(text, str)) | shape.texts | _TEXTS
        numbers = {number for number in shape.constants if not isinstance(number, str)}
        self._numbers = _NUMBERS | {abs(number) for number in numbers}

    def statements(self, body: Sequence[ast.stmt]) -> None:
        """Check statements, with those in them. Raise DiffersError."""
        for statement in body:
            self._statement(statement)

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Return(value=ast.expr() as value) | ast.Expr(value=ast.Await() as value):
                self.expression(value)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                _known(name, _VARIABLES, "an assignment to")
                self.expression(value)
            case ast.Raise(
                exc=ast.Call(func=ast.Name(id=name), args=[ast.Constant() as words], keywords=[]), cause=None
            ):
                _known(name, _ERRORS, "an error")
                self.expression(words)
            case ast.If(test=test):
                self.expression(test)
                self.statements([*node.body, *node.orelse])
            case ast.AsyncWith(items=[item]):
                if not _GUARD.fullmatch(ast.unparse(item)):
                    same(ast.unparse(item), _TRANSACTION, "context managers")
                self.statements(node.body)
            case ast.Match(subject=ast.Name(id="request" | "command" | "event"), cases=cases):
                for case in cases:
                    self._case(case)
            case _:
                raise DiffersError(f"a statement {type(node).__name__}")

    def _case(self, case: ast.match_case) -> None:
        match case:
            case ast.match_case(pattern=ast.MatchClass(cls=ast.Name(id=name), patterns=[], kwd_attrs=[]), guard=None):
                _known(name, self._classes, "a case of")
                self.statements(case.body)
            case _:
                raise DiffersError("a case that is no class")

    def expression(self, root: ast.expr) -> None:
        """Check an expression. Raise DiffersError."""
        for node in ast.walk(root):
            self._part(node)

    def _part(self, node: ast.AST) -> None:
        if not isinstance(node, _EXPRESSIONS):
            raise DiffersError(f"a {type(node).__name__}")
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                _known(name, _VARIABLES, "a variable")
            case ast.Name(id=name):
                _known(name, self._names, "a name")
            case ast.Attribute(attr=name) | ast.keyword(arg=str(name)):
                _known(name, self._attributes, "an attribute")
            case ast.keyword():
                raise DiffersError("an argument with two stars")
            case ast.Dict(keys=keys) if None in keys:
                raise DiffersError("a dict in a dict")
            case ast.UnaryOp(op=op, operand=operand):
                if not (isinstance(op, ast.USub) and isinstance(operand, ast.Constant)):
                    raise DiffersError("an operator")
            case ast.Call(func=ast.Name(id=name)):
                _known(name, self._classes | _FUNCTIONS, "a call of")
            case ast.Call(func=func):
                _known(ast.unparse(func), _METHODS, "a call of")
            case ast.Constant(value=value):
                self._constant(value)

    def _constant(self, value: object) -> None:
        match value:
            case str():
                _known(value, self._texts, "a text")
            case None | bool():
                pass
            case int() | float() if value in self._numbers:
                pass
            case _:
                raise DiffersError("a constant")


def same(found: object, wanted: object, what: str) -> None:
    """Raise DiffersError when the two differ."""
    if found != wanted:
        raise DiffersError(f"other {what}")


def _known(name: str, allowed: frozenset[str], what: str) -> None:
    if name not in allowed:
        raise DiffersError(f"{what} {name[:64]!r}")
