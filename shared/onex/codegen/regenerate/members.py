"""Merges the statements of a class or a module, member by member."""

from collections.abc import Callable, Mapping, Sequence

import libcst as cst

from onex.codegen.regenerate.notes import Add, EnumMergeNote
from onex.codegen.regenerate.syntax import Statement, docstring, normal, same

Members = dict[str, Statement]
"""Statements by key, in order. A definition has the key ``def:name``, a variable ``name:name``."""
Pair = Callable[[str, Statement | None, Statement, Statement], Statement]
"""Merges one member: its key, the earlier rendering, the hand-written and the rendered statement."""


def members_of(body: Sequence[Statement]) -> Members:
    """Return statements by key. Further ones with the same key are numbered."""
    members: Members = {}
    for index, statement in enumerate(body):
        key = "docstring" if index == 0 and docstring(statement) else _key(statement)
        number, unique = 1, key
        while unique in members:
            number += 1
            unique = f"{key}#{number}"
        members[unique] = statement
    return members


def _key(statement: Statement) -> str:
    match statement:
        case cst.FunctionDef(name=cst.Name(value=name)):
            suffix = "".join(
                f".{item.decorator.attr.value}"
                for item in statement.decorators
                if isinstance(item.decorator, cst.Attribute) and item.decorator.attr.value in ("setter", "deleter")
            )
            return f"def:{name}{suffix}"
        case cst.ClassDef(name=cst.Name(value=name)):
            return f"class:{name}"
        case cst.SimpleStatementLine(body=[cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))])]):
            return f"name:{name}"
        case cst.SimpleStatementLine(body=[cst.AnnAssign(target=cst.Name(value=name))]):
            return f"name:{name}"
        case _:
            return f"{'import' if is_import(statement) else 'code'}:{normal(statement)}"


def is_import(statement: Statement) -> bool:
    """Return whether a statement is one import."""
    match statement:
        case cst.SimpleStatementLine(body=[cst.Import() | cst.ImportFrom()]):
            return True
        case _:
            return False


def merge_members(
    base: Mapping[str, Statement] | None,
    ours: Members,
    theirs: Members,
    *,
    merge: Pair,
    line: Callable[[cst.CSTNode | None], int],
    qualified: Callable[[str], str],
    add: Add,
) -> list[Statement]:
    """Return the hand-written members in their order, each merged, with new rendered ones at their places.

    A member that only the earlier rendering has is generated, and goes. A member that was rendered before and is
    rendered now, and that was removed by hand, stays removed.
    """
    result: Members = {}
    before: Mapping[str, Statement] = base or {}
    for key, statement in ours.items():
        if key in theirs:
            result[key] = merge(key, before.get(key), statement, theirs[key])
        elif key in before and same(before[key], statement):
            if not key.startswith("code:"):
                add(EnumMergeNote.REMOVED, line(statement), qualified(key), "the contract no longer asks for it")
        else:
            result[key] = statement
            if key in before and key.startswith(("def:", "class:")):
                words = "the contract no longer asks for it, and it was written by hand; remove it, or keep it"
                add(EnumMergeNote.KEPT_HANDLER, line(statement), qualified(key), words)
    order = list(theirs)
    for index, key in enumerate(order):
        if key in ours:
            continue
        if key in before:
            if not key.startswith("code:"):
                add(EnumMergeNote.LEFT_OUT, 0, qualified(key), "it was removed by hand, and is not written again")
            continue
        earlier = next((name for name in reversed(order[:index]) if name in result and name != "docstring"), None)
        later = next((name for name in order[index + 1 :] if name in result), None)
        result = _inserted(result, key, theirs[key], earlier, later)
    body = list(result.values())
    return [item for item in body if not _is_pass(item)] or body[:1]


def _inserted(members: Members, key: str, statement: Statement, earlier: str | None, later: str | None) -> Members:
    """Return the members with a further one: after an earlier one, before a later one, or behind the imports."""
    items = list(members.items())
    names = [name for name, _ in items]
    if earlier is not None:
        at = names.index(earlier) + 1
    elif later is not None:
        at = names.index(later)
    else:
        at = next((i for i, name in enumerate(names) if not name.startswith(("docstring", "import:"))), len(names))
    return dict([*items[:at], (key, statement), *items[at:]])


def _is_pass(statement: Statement) -> bool:
    match statement:
        case cst.SimpleStatementLine(body=[cst.Pass() | cst.Expr(value=cst.Ellipsis())]):
            return True
        case _:
            return False
