"""Merges a function: the signature of the contract, and the body that was written by hand."""

from collections.abc import Sequence
from typing import Final

import libcst as cst
from typing_extensions import override

from onex.codegen.regenerate.notes import Add, EnumMergeNote
from onex.codegen.regenerate.syntax import code, docstring, normal, same, statements, walk, with_statements

UNFINISHED: Final = "NotImplementedNodeError"
"""The error that a handler raises whose logic the contract does not state."""
MARK: Final = "unfinished"
"""The decorator of such a handler."""


def is_unfinished(function: cst.FunctionDef) -> bool:
    """Return whether the body does nothing but raise NotImplementedNodeError."""
    body = [item for item in statements(function.body) if not docstring(item)]
    match body:
        case [cst.SimpleStatementLine(body=[cst.Raise(exc=cst.BaseExpression() as raised)])]:
            name = raised.func if isinstance(raised, cst.Call) else raised
            return code(name).rpartition(".")[2] == UNFINISHED
        case _:
            return False


def is_marked(function: cst.FunctionDef) -> bool:
    """Return whether a handler has the mark, or does nothing but raise NotImplementedNodeError."""
    return is_unfinished(function) or any(_name(item) == MARK for item in function.decorators)


def _raises_unfinished(body: cst.BaseSuite) -> bool:
    """Return whether a part of a body raises NotImplementedNodeError."""
    return any(isinstance(item, cst.Name) and item.value == UNFINISHED for item in walk(body))


def merge_function(
    base: cst.FunctionDef | None,
    ours: cst.FunctionDef,
    theirs: cst.FunctionDef,
    line: int,
    name: str,
    add: Add,
) -> cst.FunctionDef:
    """Return the function with the rendered signature, and its hand-written body, decorators and comments.

    A body is generated when it equals ``base``, what the earlier contract is rendered to; when it equals the new
    rendering; and when it is unfinished. Any other body is hand-written. Without ``base`` only the last two count.
    """
    is_generated = is_unfinished(ours) or any(
        same(ours.body, other.body) for other in (base, theirs) if other is not None
    )
    if is_generated:
        body = _with_own_docstring(base, ours, theirs)
        if not same(ours.body, body):
            add(EnumMergeNote.REPLACED_BODY, line, name, "the body is that of the contract")
    else:
        body = ours.body
        if base is None or not same(theirs.body, base.body):
            add(EnumMergeNote.KEPT_BODY, line, name, "the rendered body differs, and the hand-written one stays")
        else:
            add(EnumMergeNote.KEPT_BODY, line, name, "the hand-written body stays")
    merged = ours.with_changes(
        body=body,
        decorators=_decorators(base, ours, theirs, is_finished=not _raises_unfinished(body)),
        params=_parameters(base, ours, theirs, keep_names=not is_generated),
        returns=_annotation(base.returns if base else None, ours.returns, theirs.returns, is_known=base is not None),
        asynchronous=_asynchronous(base, ours, theirs),
    )
    if not is_generated and _signature(merged) != _signature(ours):
        add(EnumMergeNote.SIGNATURE, line, name, f"the signature was `{_shown(ours)}`, and is `{_shown(merged)}`")
    return merged


def _with_own_docstring(
    base: cst.FunctionDef | None, ours: cst.FunctionDef, theirs: cst.FunctionDef
) -> cst.BaseSuite:
    """Return the rendered body, with the docstring that was added by hand."""
    first = next(iter(statements(ours.body)), None)
    if first is None or not docstring(first):
        return theirs.body
    rendered = statements(theirs.body)
    for other in (base, theirs):
        if other is not None and any(same(first, item) for item in statements(other.body)[:1]):
            return theirs.body
    rest = rendered[1:] if rendered and docstring(rendered[0]) else rendered
    return with_statements(theirs.body, [first, *rest])


def _decorators(
    base: cst.FunctionDef | None, ours: cst.FunctionDef, theirs: cst.FunctionDef, *, is_finished: bool
) -> Sequence[cst.Decorator]:
    """Return the decorators of the function, without those that only the earlier rendering had, with new ones.

    The mark of unfinished handlers belongs to the body: a finished one has none.
    """
    before = {normal(item.decorator) for item in base.decorators} if base else set()
    after = {normal(item.decorator) for item in theirs.decorators}
    own = [item for item in ours.decorators if normal(item.decorator) not in before - after]
    present = {normal(item.decorator) for item in own}
    new = [item for item in theirs.decorators if normal(item.decorator) not in present | before]
    return [item for item in (*new, *own) if not is_finished or _name(item) != MARK]


def _name(decorator: cst.Decorator) -> str:
    return code(decorator.decorator).rpartition(".")[2]


def _asynchronous(
    base: cst.FunctionDef | None, ours: cst.FunctionDef, theirs: cst.FunctionDef
) -> cst.Asynchronous | None:
    if base is not None and (base.asynchronous is None) is (theirs.asynchronous is None):
        return ours.asynchronous
    return theirs.asynchronous


def _parameters(
    base: cst.FunctionDef | None, ours: cst.FunctionDef, theirs: cst.FunctionDef, *, keep_names: bool
) -> cst.Parameters:
    """Return the rendered parameters with hand-written names, and with the further parameters of the function."""
    if same_parameters(ours.params, theirs.params) or (base and same_parameters(base.params, theirs.params)):
        return ours.params
    if base and same_parameters(base.params, ours.params):
        return theirs.params
    before = base.params.params if base else ()
    merged: list[cst.Param] = []
    for index, parameter in enumerate(theirs.params.params):
        if index >= len(ours.params.params):
            merged.append(parameter)
            continue
        own = ours.params.params[index]
        old = before[index].annotation if index < len(before) else None
        is_known = index < len(before)
        annotation = _annotation(old, own.annotation, parameter.annotation, is_known=is_known)
        merged.append(parameter.with_changes(name=own.name if keep_names else parameter.name, annotation=annotation))
    further = ours.params.params[len(theirs.params.params) :]
    merged += further[max(0, len(before) - len(theirs.params.params)) :] if base else further
    return ours.params.with_changes(params=_separated(merged))


def _separated(parameters: Sequence[cst.Param]) -> Sequence[cst.Param]:
    """Return parameters with a comma after each but the last, which keeps its own where it has one."""
    comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    missing = cst.MaybeSentinel.DEFAULT
    return [
        item.with_changes(comma=comma) if item.comma is missing and index + 1 < len(parameters) else item
        for index, item in enumerate(parameters)
    ]


def same_parameters(one: cst.Parameters, other: cst.Parameters) -> bool:
    """Return whether two lists of parameters have the same names, annotations and defaults."""
    return normal(cst.Lambda(_bare(one), cst.Name("_"))) == normal(
        cst.Lambda(_bare(other), cst.Name("_"))
    ) and _annotations(one) == _annotations(other)


def _bare(parameters: cst.Parameters) -> cst.Parameters:
    """Return parameters without annotations, as a lambda has them."""
    stripped = parameters.visit(_Unannotated())
    assert isinstance(stripped, cst.Parameters)
    return stripped


class _Unannotated(cst.CSTTransformer):
    @override
    def leave_Param(self, original_node: cst.Param, updated_node: cst.Param) -> cst.Param:
        return updated_node.with_changes(annotation=None)


def _annotations(parameters: cst.Parameters) -> list[str]:
    every = [*parameters.posonly_params, *parameters.params, *parameters.kwonly_params]
    return [normal(item.annotation.annotation) if item.annotation else "" for item in every]


def _annotation(
    base: cst.Annotation | None, ours: cst.Annotation | None, theirs: cst.Annotation | None, *, is_known: bool
) -> cst.Annotation | None:
    """Return the rendered annotation with the types that were added by hand, and without those removed by hand.

    ``is_known`` says whether the earlier rendering is known; without it nothing can have been removed by hand.
    """
    if ours is None or theirs is None:
        return ours or theirs
    if same(ours.annotation, theirs.annotation):
        return ours
    if base is not None and same(base.annotation, theirs.annotation):
        return ours
    if not is_known or base is None or same(base.annotation, ours.annotation):
        return theirs
    own, old, new = (union(item.annotation) for item in (ours, base, theirs))
    members = {key: item for key, item in new.items() if key in own or key not in old}
    members |= {key: item for key, item in own.items() if key not in old and key not in new}
    if not members:
        return theirs
    first, *rest = members.values()
    joined: cst.BaseExpression = first
    for item in rest:
        joined = cst.BinaryOperation(joined, cst.BitOr(), item)
    return ours.with_changes(annotation=joined)


def union(annotation: cst.BaseExpression) -> dict[str, cst.BaseExpression]:
    """Return the members of ``A | B | None`` by their syntax. Any other annotation is its one member."""
    waiting, members = [annotation], {}
    while waiting:
        current = waiting.pop()
        match current:
            case cst.BinaryOperation(left=left, operator=cst.BitOr(), right=right):
                waiting += [right, left]
            case _:
                members[normal(current)] = current
    return members


def _signature(function: cst.FunctionDef) -> tuple[str, list[str], str, bool]:
    names = normal(cst.Lambda(_bare(function.params), cst.Name("_")))
    returned = normal(function.returns.annotation) if function.returns else ""
    return names, _annotations(function.params), returned, function.asynchronous is not None


def _shown(function: cst.FunctionDef) -> str:
    """Return the signature on one line, shortened."""
    empty = cst.SimpleStatementSuite([cst.Expr(cst.Ellipsis())])
    bare = function.with_changes(body=empty, decorators=(), leading_lines=(), lines_after_decorators=())
    text = " ".join(code(bare).split()).removesuffix("...").rstrip(": ")
    return text if len(text) <= 200 else f"{text[:200]}..."
