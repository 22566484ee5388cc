"""SQL that is built from values instead of parameters."""

import ast
import re

from onex.codegen.validate.message_data import is_from_message
from onex.codegen.validate.names import Place, places
from onex.codegen.validate.rule import Findings, Rule
from onex.codegen.validate.sources import Module

_SQL = Rule("security.sql", "pass values as parameters: execute('... = $1', value); check names against a fixed list")
_SINKS = frozenset(
    [
        "execute",
        "executemany",
        "executescript",
        "fetch",
        "fetchrow",
        "fetchval",
        "fetchall",
        "fetchone",
        "fetchmany",
        "prepare",
        "cursor",
        "query",
        "mogrify",
        "raw",
        "text",
    ]
)
_STATEMENTS = frozenset({"query", "sql", "statement", "operation", "command"})
"""Keywords of these calls that have the statement."""
_TRIMMERS = frozenset({"dedent", "cleandoc"})
_HOPS = 4
"""Length of chains of variables that are followed."""
_RUNNERS = _SINKS - {"query", "text", "raw", "cursor"}
_WORDS = re.compile(
    r"^\s*(?:select|insert|update|delete|with|create|drop|alter|truncate|merge|call|grant|revoke|copy|values|set|"
    r"declare|listen|notify|do|explain|vacuum|begin)\b|\b(?:where|from|values|into)\b",
    re.IGNORECASE,
)


def check_sql(module: Module) -> Findings:
    """Yield calls that run SQL whose text has values in it."""
    constants = _constants(module.tree.body)
    for place in places(module.tree, module.names):
        match place.node:
            case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)) as call if name in _SINKS:
                first = _statement(call)
                if first is None:
                    continue
                value = _value_of(first, place)
                if _is_built(value, constants) and _looks_like_sql(value):
                    yield _SQL.at(module.path, place.node, f"{name}() runs SQL with values in its text")
                elif _is_attribute(place.node.func, first) and name in _RUNNERS and is_from_message(first, place):
                    yield _SQL.at(module.path, place.node, f"{name}() runs SQL of a message")


def _statement(call: ast.Call) -> ast.expr | None:
    """Return the argument that has the statement, without functions that only trim its text."""
    named = (keyword.value for keyword in call.keywords if keyword.arg in _STATEMENTS)
    found = call.args[0] if call.args else next(named, None)
    return None if found is None else _untrimmed(found)


def _untrimmed(node: ast.expr) -> ast.expr:
    match node:
        case ast.NamedExpr(value=value):
            return _untrimmed(value)
        case ast.Call(func=ast.Attribute(attr=name), args=[value, *_]) if name in _TRIMMERS:
            return _untrimmed(value)
        case ast.Call(func=ast.Attribute(value=value, attr="strip" | "lstrip" | "rstrip")):
            return _untrimmed(value)
        case ast.Call(func=ast.Name(id=name), args=[value, *_]) if name in _TRIMMERS:
            return _untrimmed(value)
        case _:
            return node


def _is_attribute(*nodes: ast.expr) -> bool:
    return all(isinstance(node, ast.Attribute) for node in nodes)


def _constants(body: list[ast.stmt]) -> frozenset[str]:
    """Return the names that a module assigns once, from texts that are written out."""
    values: dict[str, list[ast.expr | None]] = {}
    for statement in body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                values.setdefault(name, []).append(value)
            case ast.AnnAssign(target=ast.Name(id=name), value=value):
                values.setdefault(name, []).append(value)
    found: set[str] = set()
    for name, assigned in values.items():
        match assigned:
            case [ast.expr() as only] if not _is_built(only, frozenset(found)) and _is_text(only, frozenset(found)):
                found.add(name)
    return frozenset(found)


def _is_text(node: ast.expr, constants: frozenset[str]) -> bool:
    match node:
        case ast.Constant(value=str() | int()):
            return True
        case ast.Name(id=name):
            return name in constants
        case ast.JoinedStr(values=values):
            return all(_is_text(v.value, constants) for v in values if isinstance(v, ast.FormattedValue))
        case ast.BinOp(left=left, right=right):
            return _is_text(left, constants) and _is_text(right, constants)
        case _:
            return False


def _is_built(node: ast.expr, constants: frozenset[str]) -> bool:
    """Return whether a text has a part that is not written in the module."""
    match node:
        case ast.JoinedStr(values=values):
            return any(not _is_text(v.value, constants) for v in values if isinstance(v, ast.FormattedValue))
        case ast.BinOp(left=left, op=ast.Mod(), right=right):
            return _has_text(left) and not _is_text(right, constants)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            parts = (left, right)
            return any(_is_built(p, constants) for p in parts) or (
                any(_has_text(p) for p in parts) and not all(_is_text(p, constants) for p in parts)
            )
        case ast.Call(func=ast.Attribute(value=value, attr="format" | "format_map" | "replace" | "join")):
            arguments = [*node.args, *(k.value for k in node.keywords)]
            return _has_text(value) and not all(_is_text(a, constants) for a in arguments)
        case ast.IfExp(body=body, orelse=other):
            return _is_built(body, constants) or _is_built(other, constants)
        case _:
            return False


def _has_text(node: ast.expr) -> bool:
    return any(isinstance(part, ast.Constant) and isinstance(part.value, str) for part in ast.walk(node))


def _looks_like_sql(node: ast.expr) -> bool:
    texts = (p.value for p in ast.walk(node) if isinstance(p, ast.Constant))
    return any(isinstance(text, str) and _WORDS.search(text) for text in texts)


def _value_of(node: ast.expr, place: Place) -> ast.expr:
    """Return what a variable of the function was built from; the variable's last assignment that builds a text."""
    for _ in range(_HOPS):
        found = _assigned_value(node, place)
        if found is node:
            break
        node = _untrimmed(found)
    return node


def _assigned_value(node: ast.expr, place: Place) -> ast.expr:
    if not isinstance(node, ast.Name) or not place.scopes:
        return node
    found: ast.expr = node
    for part in ast.walk(place.scopes[0].function):
        match part:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
                | ast.NamedExpr(target=ast.Name(id=name), value=value)
            ) if name == node.id:
                inner = _untrimmed(value)
                found = inner if _is_built(inner, frozenset()) or not _is_built(found, frozenset()) else found
            case ast.AugAssign(target=ast.Name(id=name), op=ast.Add(), value=value) if name == node.id:
                joined = ast.BinOp(left=found, op=ast.Add(), right=value)
                found = joined if _is_built(joined, frozenset()) else found
    return found
