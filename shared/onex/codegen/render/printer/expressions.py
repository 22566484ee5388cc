"""Expressions in the style of `ruff format`: on one line when they fit, else one part a line, with a comma each."""

import ast
import io
import tokenize
from collections.abc import Sequence
from typing import Final

from onex.codegen.render.values import literal

WIDTH: Final = 118
STEP: Final = 4
_TEXT_PIECE: Final = 90
"""Characters of each part of a text that is too long for one line."""


def flat(node: ast.AST) -> str:
    """Return the expression on one line, with texts in double quotes."""
    text = ast.unparse(node)
    if "'" not in text:
        return text
    parts, end = [], 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.STRING and not token.string.startswith(("f'", 'f"')):
            continue
        if token.string[0] not in "'\"b":
            return text  # an f-string: quotes within have a meaning
        parts += [text[end : token.start[1]], _in_double_quotes(ast.literal_eval(token.string))]
        end = token.end[1]
    return "".join([*parts, text[end:]])


def _in_double_quotes(value: object) -> str:
    """Return a text, or bytes, as a literal."""
    match value:
        case str():
            return literal(value)
    written = repr(value)
    return written if '"' in written else f'b"{written[2:-1]}"'


def laid_out(node: ast.expr, indent: int, before: int, after: int = 0, *, bare: bool = True) -> str:
    """Return the expression within ``WIDTH``.

    ``indent`` is that of the statement or line, ``before`` the columns of the first line that are in use, ``after``
    those that must stay free on the last line. ``bare``: nothing around the expression allows a line break.
    """
    one_line = flat(node)
    if before + len(one_line) + after <= WIDTH:
        return one_line
    match node:
        case ast.Call(func=func, args=args, keywords=keywords) if args or keywords:
            return laid_out(func, indent, before, 1) + _exploded("(", [*args, *keywords], ")", indent)
        case ast.Subscript(value=value, slice=ast.Tuple(elts=items)) if len(items) > 1:
            return f"{flat(value)}{_exploded('[', items, ']', indent)}"
        case ast.Subscript(value=value, slice=item):
            inner = indent + STEP
            return f"{flat(value)}[\n{' ' * inner}{laid_out(item, inner, inner, bare=False)}\n{' ' * indent}]"
        case ast.List(elts=items) if items:
            return _exploded("[", items, "]", indent, is_literal=True)
        case ast.Set(elts=items):
            return _exploded("{", items, "}", indent, is_literal=True)
        case ast.Tuple(elts=items) if items:
            return _exploded("(", items, ")", indent, is_literal=True)
        case ast.ListComp(elt=item, generators=[loop]):
            inner = indent + STEP
            lines = [laid_out(item, inner, inner, bare=False), flat(loop).strip()]
            return "[\n" + "".join(f"{' ' * inner}{line}\n" for line in lines) + " " * indent + "]"
        case ast.Dict(keys=keys, values=values) if keys:
            return _dict(keys, values, indent)
        case ast.Await(value=value):
            return f"await {laid_out(value, indent, before + 6, after, bare=bare)}"
        case ast.Attribute(value=value, attr=name):
            return f"{laid_out(value, indent, before, after + len(name) + 1, bare=bare)}.{name}"
        case ast.BinOp() | ast.BoolOp() | ast.IfExp():
            return _in_parts(_operands(node), indent, bare=bare)
        case ast.Constant(value=str(text)) if len(text) > _TEXT_PIECE:
            return _in_parts([literal(piece) for piece in _pieces(text)], indent, bare=bare)
        case _:
            return one_line


def _exploded(
    opening: str, items: Sequence[ast.expr | ast.keyword], closing: str, indent: int, *, is_literal: bool = False
) -> str:
    """Return the items on one further line when they fit and are no literal, else one a line."""
    inner = indent + STEP
    together = ", ".join(flat(item) for item in items)
    if not is_literal and inner + len(together) <= WIDTH:
        return f"{opening}\n{' ' * inner}{together}\n{' ' * indent}{closing}"
    lines = []
    for item in items:
        match item:
            case ast.keyword(arg=str(name), value=value):
                lines.append(f"{name}={laid_out(value, inner, inner + len(name) + 1, 1)}")
            case ast.keyword(value=value):
                lines.append(f"**{laid_out(value, inner, inner + 2, 1)}")
            case ast.expr():
                lines.append(laid_out(item, inner, inner, 1, bare=False))
    body = "".join(f"{' ' * inner}{line},\n" for line in lines)
    return f"{opening}\n{body}{' ' * indent}{closing}"


def _dict(keys: Sequence[ast.expr | None], values: Sequence[ast.expr], indent: int) -> str:
    inner = indent + STEP
    lines = []
    for key, value in zip(keys, values, strict=True):
        name = "**" if key is None else f"{flat(key)}: "
        lines.append(f"{' ' * inner}{name}{laid_out(value, inner, inner + len(name), 1)},\n")
    return "{\n" + "".join(lines) + " " * indent + "}"


def _operands(node: ast.expr) -> list[str]:
    """Return the parts of an operation, each but the first with its operator in front."""
    match node:
        case ast.IfExp(test=test, body=body, orelse=other):
            return [flat(body), f"if {flat(test)}", f"else {flat(other)}"]
        case ast.BoolOp(op=operator, values=values):
            word = {ast.Or: "or", ast.And: "and"}[type(operator)]
            first, *others = (_in_operation(value) for value in values)
            return [first, *(f"{word} {value}" for value in others)]
        case ast.BinOp(left=left, op=operator, right=right):
            sign = flat(ast.BinOp(ast.Name("a"), operator, ast.Name("b")))[2:-2]
            match left:
                case ast.BinOp(op=before) if type(before) is type(operator):
                    return [*_operands(left), f"{sign} {_in_operation(right)}"]
            return [_in_operation(left), f"{sign} {_in_operation(right)}"]
        case _:
            return [flat(node)]


def _in_operation(node: ast.expr) -> str:
    match node:
        case ast.BinOp() | ast.BoolOp() | ast.IfExp():
            return f"({flat(node)})"
    return flat(node)


def _in_parts(parts: Sequence[str], indent: int, *, bare: bool) -> str:
    if not bare:
        return f"\n{' ' * indent}".join(parts)
    inner = indent + STEP
    return "(\n" + "".join(f"{' ' * inner}{part}\n" for part in parts) + " " * indent + ")"


def _pieces(text: str) -> list[str]:
    """Return a long text in parts that end with a space, where it has spaces."""
    pieces = []
    while len(text) > _TEXT_PIECE:
        at = text.rfind(" ", 0, _TEXT_PIECE) + 1 or _TEXT_PIECE
        pieces.append(text[:at])
        text = text[at:]
    return [*pieces, text] if text else pieces
