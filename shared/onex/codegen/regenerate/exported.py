"""Merges ``__all__``."""

from typing import Final

import libcst as cst

from onex.codegen.regenerate.syntax import Statement

_WIDTH: Final = 118


def merge_exported(base: Statement | None, ours: Statement, theirs: Statement) -> Statement:
    """Return the list of exported names: the rendered ones and those of the author, sorted.

    A list that is computed is that of the author.
    """
    own, new = _names(ours), _names(theirs)
    if own is None or new is None:
        return ours
    old = (_names(base) if base is not None else None) or []
    merged = [name for name in own if name in new or name not in old]
    merged += [name for name in new if name not in own and name not in old]
    if set(merged) == set(own):
        return ours
    return ours.with_changes(body=[cst.Assign([cst.AssignTarget(cst.Name("__all__"))], _listed(sorted(set(merged))))])


def _names(statement: Statement) -> list[str] | None:
    match statement:
        case cst.SimpleStatementLine(
            body=[cst.Assign(value=cst.List(elements=elements) | cst.Tuple(elements=elements))]
        ):
            names = [item.value.evaluated_value for item in elements if isinstance(item.value, cst.SimpleString)]
            texts = [name for name in names if isinstance(name, str)]
            return texts if len(texts) == len(elements) else None
        case _:
            return None


def _listed(names: list[str]) -> cst.List:
    """Return the list on one line, or with one name a line when it is too long."""
    elements = [cst.Element(cst.SimpleString(f'"{name}"')) for name in names]
    if sum(len(name) + 4 for name in names) + len("__all__ = []") <= _WIDTH:
        return cst.List(elements)
    broken = cst.ParenthesizedWhitespace(indent=True, last_line=cst.SimpleWhitespace("    "))
    end = cst.ParenthesizedWhitespace(indent=True)
    return cst.List(
        [
            item.with_changes(comma=cst.Comma(whitespace_after=broken if index + 1 < len(elements) else end))
            for index, item in enumerate(elements)
        ],
        lbracket=cst.LeftSquareBracket(whitespace_after=broken),
    )
