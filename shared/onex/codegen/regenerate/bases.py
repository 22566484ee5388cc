"""Merges the base classes and keywords of a class."""

from collections.abc import Sequence
from typing import Final

import libcst as cst

from onex.codegen.regenerate.syntax import code, normal

_WIDTH: Final = 118
"""Characters of a line."""
_BLANK: Final = cst.SimpleWhitespace(" ")
KIND_BASES: Final = frozenset({"NodeCompute", "NodeEffect", "NodeReducer", "NodeOrchestrator"})


def with_bases(base: cst.ClassDef | None, ours: cst.ClassDef, theirs: cst.ClassDef) -> cst.ClassDef:
    """Return the hand-written class with the rendered bases and keywords, and with its own further ones."""
    bases = merge_arguments(base.bases if base else (), ours.bases, theirs.bases)
    keywords = merge_arguments(base.keywords if base else (), ours.keywords, theirs.keywords)
    if _texts(bases) == _texts(ours.bases) and _texts(keywords) == _texts(ours.keywords):
        return ours
    arguments = _separated([*bases, *keywords])
    left, right = cst.LeftParen(), cst.RightParen()
    width = sum(len(code(item)) for item in arguments)
    if width + len(f"class {ours.name.value}():") > _WIDTH:
        broken = cst.ParenthesizedWhitespace(indent=True, last_line=cst.SimpleWhitespace("    "))
        left = cst.LeftParen(whitespace_after=broken)
        right = cst.RightParen(whitespace_before=cst.ParenthesizedWhitespace(indent=True))
        if width + 4 > _WIDTH:
            arguments = _separated([*bases, *keywords], broken)
            arguments[-1] = arguments[-1].with_changes(comma=cst.Comma())
    return ours.with_changes(bases=arguments[: len(bases)], keywords=arguments[len(bases) :], lpar=left, rpar=right)


def merge_arguments(base: Sequence[cst.Arg], ours: Sequence[cst.Arg], theirs: Sequence[cst.Arg]) -> list[cst.Arg]:
    """Return base classes or keywords: the rendered ones, and those that were added by hand, in an order of both."""
    before, own, rendered = _by_name(base), _by_name(ours), _by_name(theirs)
    result: dict[str, cst.Arg] = {}
    for name, argument in own.items():
        if name in rendered:
            old, new = before.get(name), rendered[name]
            result[name] = argument if old is not None and _text(old) == _text(new) else new
        elif name not in before:
            result[name] = argument
    order = list(rendered)
    for index, name in enumerate(order):
        if name in own or name in before:
            continue
        later = next((found for found in order[index + 1 :] if found in result), None)
        items = list(result.items())
        at = len(items) if later is None else next(i for i, (found, _) in enumerate(items) if found == later)
        result = dict([*items[:at], (name, rendered[name]), *items[at:]])
    return list(result.values())


def base_name(argument: cst.Arg) -> str:
    """Return ``NodeCompute`` for the base ``NodeCompute[A, B]``, and for ``node.NodeCompute[A, B]``."""
    value = argument.value.value if isinstance(argument.value, cst.Subscript) else argument.value
    return code(value).rpartition(".")[2]


def is_node(statement: cst.CSTNode) -> bool:
    """Return whether a statement defines a node class: one of the four kinds is its base."""
    return isinstance(statement, cst.ClassDef) and any(base_name(item) in KIND_BASES for item in statement.bases)


def _by_name(arguments: Sequence[cst.Arg]) -> dict[str, cst.Arg]:
    """Return arguments by keyword, or by the name of the class without its type arguments."""
    return {f"{item.keyword.value}=" if item.keyword else base_name(item): item for item in arguments}


def _text(argument: cst.Arg) -> str:
    return argument.star + normal(argument.value)


def _texts(arguments: Sequence[cst.Arg]) -> list[str]:
    return [_text(item) for item in arguments]


def _separated(arguments: Sequence[cst.Arg], between: cst.BaseParenthesizableWhitespace = _BLANK) -> list[cst.Arg]:
    """Return arguments with one comma, and a blank or a line end, between them."""
    comma = cst.Comma(whitespace_after=between)
    bare = [item.with_changes(whitespace_after_arg=cst.SimpleWhitespace("")) for item in arguments]
    return [
        item.with_changes(comma=comma if index + 1 < len(bare) else cst.MaybeSentinel.DEFAULT)
        for index, item in enumerate(bare)
    ]
