"""Merges a Python file."""

from collections.abc import Sequence
from pathlib import Path

import libcst as cst
from typing_extensions import override

from onex.codegen.regenerate.bases import is_node
from onex.codegen.regenerate.classes import Place
from onex.codegen.regenerate.exported import merge_exported
from onex.codegen.regenerate.imports import Binding, bindings_of, with_new, without
from onex.codegen.regenerate.members import Members, is_import, members_of
from onex.codegen.regenerate.notes import Add, EnumMergeNote, refuse
from onex.codegen.regenerate.syntax import Source, Statement, names_used, parsed, statements

_ALL = "name:__all__"


def merge_module(
    base: str | None,
    ours: Source,
    theirs: str,
    *,
    path: Path,
    add: Add,
    is_node_file: bool,
    is_messages: bool,
    handlers: frozenset[str] = frozenset(),
) -> str:
    """Return a hand-written file with the rendered parts that are new or changed.

    ``base`` is the rendering of the earlier contract, ``handlers`` the methods that the new one names. Raise
    ContractError for a file with several node classes.
    """
    rendered = parsed(theirs, path)
    earlier = parsed(base, path) if base is not None else None
    if is_node_file and (wanted := _node_class(rendered, path)):
        ours = _with_class_name(ours, wanted.name.value, path)
        earlier = _with_class_name(earlier, wanted.name.value, path) if earlier is not None else None
    own, new, before = ours.module, rendered.module, earlier.module if earlier is not None else None
    place = Place(ours, add, is_messages, handlers)
    own_members, new_members = members_of(statements(own)), _without_imports(new)
    old_members = _without_imports(before) if before is not None else None
    imported = {item.bound for statement in statements(own) for item in bindings_of(statement)}
    for key in [key for key in new_members if key.startswith(("class:", "def:")) and place.named(key) in imported]:
        del new_members[key]
        add(EnumMergeNote.CONFLICT, 0, place.named(key), "it is imported from another file, which is not merged")
    if _ALL in own_members and _ALL in new_members:
        listed = merge_exported((old_members or {}).get(_ALL), own_members[_ALL], new_members[_ALL])
        own_members[_ALL] = new_members[_ALL] = listed
    body = place.body(old_members, own_members, new_members)
    merged = own.with_changes(body=body)
    return merged.with_changes(body=_with_imports(before, own, new, merged, add)).code


def _without_imports(module: cst.Module) -> Members:
    """Return the members of a rendered module. Its imports are added by the names that the merged code uses."""
    return members_of([item for item in statements(module) if not is_import(item)])


def _node_class(source: Source, path: Path) -> cst.ClassDef | None:
    """Return the node class of a file. Raise ContractError when there are several."""
    found = [item for item in statements(source.module) if isinstance(item, cst.ClassDef) and is_node(item)]
    if len(found) > 1:
        names = ", ".join(item.name.value for item in found)
        words, remedy = f"has several node classes: {names}", "keep one, and move the others"
        refuse(path, source.line(found[1]) or 1, "class", words, remedy)
    return found[0] if found else None


def _with_class_name(source: Source, name: str, path: Path) -> Source:
    """Return the file with the name of the rendered node class for its node class."""
    if (found := _node_class(source, path)) is None:
        if any(isinstance(item, cst.ClassDef) and item.name.value == name for item in statements(source.module)):
            return source  # its base is a class of the author
        refuse(path, 1, "class", "has no node class", f"write `class {name}` with a base such as NodeCompute")
    if found.name.value == name:
        return source
    return parsed(source.module.visit(_Renamed(found.name.value, name)).code, path)


class _Renamed(cst.CSTTransformer):
    """Renames a class, and the places that use it by its name."""

    def __init__(self, before: str, after: str) -> None:
        super().__init__()
        self._before, self._after = before, after

    @override
    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.Name:
        """Rename one use."""
        return updated_node.with_changes(value=self._after) if updated_node.value == self._before else updated_node


def _with_imports(
    base: cst.Module | None, own: cst.Module, rendered: cst.Module, merged: cst.Module, add: Add
) -> list[Statement]:
    """Return the merged body with the imports that it needs, and without those that the merge made unused."""
    used, used_before = names_used(merged), names_used(own)
    old = set(_bindings(base)) if base else set()
    present, new = _bindings(own), _bindings(rendered)
    dropped = frozenset(
        item
        for item in present
        if item.bound not in used
        and item.name != "*"
        and item.module != "__future__"
        and (item.bound in used_before or (item in old and item not in new))
    )
    bound = {item.bound for item in present if item not in dropped}
    wanted: list[Binding] = []
    for item in new:
        if item in present or (item.bound not in used and item.module != "__future__"):
            continue
        if item.bound not in bound:
            wanted.append(item)
        elif item not in old and not _is_of_library(item, present):
            add(EnumMergeNote.CONFLICT, 0, item.bound, f"the rendered code takes it from {item.module}")
    return with_new(_without(statements(merged), dropped), wanted)


def _is_of_library(rendered: Binding, present: Sequence[Binding]) -> bool:
    """Return whether the library has a name at both places: ``onex.node`` has errors of ``onex.errors``, too."""
    own = next(item for item in present if item.bound == rendered.bound)
    return all(item.module.partition(".")[0] == "onex" and not item.alias for item in (rendered, own))


def _bindings(module: cst.Module) -> list[Binding]:
    return list(dict.fromkeys(item for statement in statements(module) for item in bindings_of(statement)))


def _without(body: Sequence[Statement], dropped: frozenset[Binding]) -> list[Statement]:
    """Return statements without some imports. The comments before a removed statement stay."""
    result: list[Statement] = []
    lost: Sequence[cst.EmptyLine] = ()
    for statement in body:
        kept = without(statement, dropped) if is_import(statement) else statement
        lines: Sequence[cst.EmptyLine] = getattr(statement, "leading_lines", ())
        if kept is None:
            lost = [*lost, *(line for line in lines if line.comment is not None or not lost)]
            continue
        if lost and is_import(kept):
            blank = [line for line in (*lost, *lines) if line.comment is None][:1]
            comments = [line for line in (*lost, *lines) if line.comment is not None]
            kept = kept.with_changes(leading_lines=[*blank, *comments])
        elif lost:
            comments = [line for line in lost if line.comment is not None]
            kept = kept.with_changes(leading_lines=[*lines, *comments])
        lost = ()
        result.append(kept)
    return result
