"""Merges imports: those of the rendered code and of the hand-written code, and none that rendering made unused."""

import sys
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import libcst as cst
from libcst.helpers import get_full_name_for_node
from typing_extensions import override

from onex.codegen.regenerate.syntax import Statement, code

_WIDTH: Final = 118


class Binding(NamedTuple):
    """A name that an import binds."""

    module: str
    """With its leading dots. Empty in ``import x``."""
    name: str
    """``*`` for all."""
    alias: str

    @property
    def bound(self) -> str:
        """The name in the module that imports it."""
        return self.alias or (self.name if self.module else self.name.partition(".")[0])


def bindings_of(statement: Statement) -> list[Binding]:
    """Return the names that an import statement binds."""
    match statement:
        case cst.SimpleStatementLine(body=[cst.Import(names=names)]):
            return [Binding("", _dotted(item.name), _alias(item)) for item in names]
        case cst.SimpleStatementLine(body=[cst.ImportFrom(names=cst.ImportStar()) as found]):
            return [Binding(_module(found), "*", "")]
        case cst.SimpleStatementLine(body=[cst.ImportFrom(names=names) as found]) if not isinstance(
            names, cst.ImportStar
        ):
            return [Binding(_module(found), _dotted(item.name), _alias(item)) for item in names]
        case _:
            return []


def _module(statement: cst.ImportFrom) -> str:
    return "." * len(statement.relative) + (_dotted(statement.module) if statement.module else "")


def _dotted(node: cst.CSTNode) -> str:
    return get_full_name_for_node(node) or ""


def _alias(item: cst.ImportAlias) -> str:
    return _dotted(item.asname.name) if item.asname else ""


def without(statement: Statement, dropped: frozenset[Binding]) -> Statement | None:
    """Return an import statement without some of its names, or None when no name is left."""
    if dropped.isdisjoint(bindings_of(statement)):
        return statement
    if dropped.issuperset(bindings_of(statement)):
        return None
    match statement:
        case cst.SimpleStatementLine(body=[cst.Import(names=names) | cst.ImportFrom(names=names) as found]):
            assert not isinstance(names, cst.ImportStar)
            kept = [
                item for item, binding in zip(names, bindings_of(statement), strict=True) if binding not in dropped
            ]
            last = kept[-1].with_changes(comma=names[-1].comma)
            return statement.with_changes(body=[found.with_changes(names=[*kept[:-1], last])])
        case _:
            return statement


def with_new(body: Sequence[Statement], new: Iterable[Binding]) -> list[Statement]:
    """Return statements with further imports: in the statement of the same module, or else in their group."""
    result = list(body)
    for binding in sorted(new):
        at = next((i for i, item in enumerate(result) if _takes(item, binding)), None)
        if at is None:
            _insert(result, binding)
        else:
            result[at] = _with_name(result[at], binding)
    return result


def _takes(statement: Statement, binding: Binding) -> bool:
    found = bindings_of(statement)
    has_comment = any(mark in code(statement.with_changes(leading_lines=())) for mark in ("#",)) if found else True
    return (
        bool(binding.module and found)
        and not has_comment
        and found[0].module == binding.module != ""
        and (found[0].name != "*")
    )


def _with_name(statement: Statement, binding: Binding) -> Statement:
    names = sorted({*bindings_of(statement), binding}, key=_case)
    return _statement(names).with_changes(leading_lines=getattr(statement, "leading_lines", ()))


def _case(binding: Binding) -> tuple[int, str, str]:
    """Sort constants before classes before functions, as isort does."""
    name = binding.name
    return (0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2, name, binding.alias)


def _statement(names: Sequence[Binding]) -> cst.SimpleStatementLine:
    """Return the statement that imports names of one module."""
    module = names[0].module
    if not module:
        return cst.SimpleStatementLine([cst.Import([_import_alias(item) for item in names])])
    plain = module.lstrip(".")
    statement = cst.ImportFrom(
        _dotted_name(plain) if plain else None,
        [_import_alias(item) for item in names],
        relative=[cst.Dot()] * (len(module) - len(plain)),
    )
    line = cst.SimpleStatementLine([statement])
    if len(code(line).rstrip()) <= _WIDTH:
        return line
    broken = cst.ParenthesizedWhitespace(indent=True, last_line=cst.SimpleWhitespace("    "))
    end = cst.ParenthesizedWhitespace(indent=True)
    aliases = [
        _import_alias(item).with_changes(comma=cst.Comma(whitespace_after=broken if index + 1 < len(names) else end))
        for index, item in enumerate(names)
    ]
    parts = statement.with_changes(names=aliases, lpar=cst.LeftParen(whitespace_after=broken), rpar=cst.RightParen())
    return cst.SimpleStatementLine([parts])


def _import_alias(binding: Binding) -> cst.ImportAlias:
    alias = cst.AsName(cst.Name(binding.alias)) if binding.alias else None
    return cst.ImportAlias(_dotted_name(binding.name), alias)


def _dotted_name(text: str) -> cst.Name | cst.Attribute:
    first, *rest = text.split(".")
    node: cst.Name | cst.Attribute = cst.Name(first)
    for part in rest:
        node = cst.Attribute(node, cst.Name(part))
    return node


def _order(binding: Binding) -> tuple[int, bool, str]:
    """Return the group of an import, and its place in the group: isort's order."""
    module = binding.module or binding.name
    first = module.partition(".")[0]
    group = 0 if module == "__future__" else 1 if first in sys.stdlib_module_names else 2
    return (3 if module.startswith(".") else group), bool(binding.module), module


def _insert(body: list[Statement], binding: Binding) -> None:
    """Insert an import of its own among the first imports."""
    first = next((i for i, item in enumerate(body) if bindings_of(item)), None)
    statement = _statement([binding])
    blank = [cst.EmptyLine(indent=False)]
    if first is None:
        at = 1 if body and not isinstance(body[0], cst.BaseCompoundStatement) and _is_text(body[0]) else 0
        body.insert(at, statement.with_changes(leading_lines=blank if at else []))
        return
    end = next((i for i in range(first, len(body)) if not bindings_of(body[i])), len(body))
    order = _order(binding)
    at = next((i for i in range(first, end) if _order(bindings_of(body[i])[0]) > order), end)
    following = body[at] if at < end else None
    starts_group = at == first or _order(bindings_of(body[at - 1])[0])[0] != order[0]
    lines: Sequence[cst.EmptyLine] = blank if starts_group and at > 0 else []
    if following is not None:
        own: Sequence[cst.EmptyLine] = getattr(following, "leading_lines", ())
        is_same_group = _order(bindings_of(following)[0])[0] == order[0]
        comments = [line for line in own if line.comment is not None]
        if is_same_group and starts_group:
            body[at] = following.with_changes(leading_lines=comments)
        elif not is_same_group and not any(line.comment is None for line in own):
            body[at] = following.with_changes(leading_lines=[*blank, *own])
    body.insert(at, statement.with_changes(leading_lines=lines))


def _is_text(statement: Statement) -> bool:
    match statement:
        case cst.SimpleStatementLine(body=[cst.Expr(value=cst.SimpleString() | cst.ConcatenatedString())]):
            return True
        case _:
            return False


class _Moved(cst.CSTTransformer):
    """Renames the package of a node in imports."""

    def __init__(self, before: str, after: str) -> None:
        super().__init__()
        self._before, self._after = before, after

    @override
    def leave_ImportFrom(self, original_node: cst.ImportFrom, updated_node: cst.ImportFrom) -> cst.ImportFrom:
        """Rename ``from node_x.v1_0_0.models import ...``."""
        module = _dotted(updated_node.module) if updated_node.module and not updated_node.relative else ""
        if module == self._before or module.startswith(f"{self._before}."):
            return updated_node.with_changes(module=_dotted_name(self._after + module.removeprefix(self._before)))
        return updated_node


def moved(module: cst.Module, before: str, after: str) -> cst.Module:
    """Return a module whose imports from one package are imports from another."""
    return module if before == after else module.visit(_Moved(before, after))
