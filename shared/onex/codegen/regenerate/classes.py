"""Merges a class: bases of the contract and of its author, and member by member."""

from dataclasses import dataclass

import libcst as cst

from onex.codegen.regenerate.bases import base_name, with_bases
from onex.codegen.regenerate.functions import merge_function
from onex.codegen.regenerate.members import Members, members_of, merge_members
from onex.codegen.regenerate.notes import Add, EnumMergeNote
from onex.codegen.regenerate.syntax import Source, Statement, code, same, statements, with_statements


@dataclass(frozen=True, slots=True)
class Place:
    """Where a merge takes place: the hand-written file, the notes on it, and the name of the enclosing classes."""

    source: Source
    add: Add
    is_messages: bool
    """Whether classes are messages, whose fields the contract declares."""
    handlers: frozenset[str] = frozenset()
    """Methods that the contract names."""
    prefix: str = ""

    def inside(self, name: str) -> "Place":
        """Return the place within a class."""
        return Place(self.source, self.add, self.is_messages, self.handlers, f"{self.prefix}{name}.")

    def named(self, key: str) -> str:
        """Return the qualified name of a member."""
        kind, _, name = key.partition(":")
        return self.prefix + ("a statement" if kind == "code" else (name or kind).partition("#")[0])

    def body(
        self, base: Members | None, ours: Members, theirs: Members, *, may_inherit: bool = False
    ) -> list[Statement]:
        """Return the statements of a module or a class, merged.

        A message, a field or a handler that is missing is written, whether or not it was rendered before: the
        contract needs it, and may have been changed at its place. A class with a base of its own may inherit it.
        """
        if base is not None and not may_inherit:
            base = {key: item for key, item in base.items() if key in ours or not self._is_needed(key)}
        return merge_members(
            base, ours, theirs, merge=self._member, line=self.source.line, qualified=self.named, add=self.add
        )

    def _is_needed(self, key: str) -> bool:
        kind, _, name = key.partition(":")
        return kind in ("class", "name") and name != "__all__" if self.is_messages else name in self.handlers

    def _member(self, key: str, base: Statement | None, ours: Statement, theirs: Statement) -> Statement:
        match ours, theirs:
            case cst.FunctionDef(), cst.FunctionDef():
                old = base if isinstance(base, cst.FunctionDef) else None
                return merge_function(old, ours, theirs, self.source.line(ours), self.named(key), self.add)
            case cst.ClassDef(), cst.ClassDef():
                return self.merged_class(base if isinstance(base, cst.ClassDef) else None, ours, theirs)
            case _:
                return self._value(key, base, ours, theirs)

    def _value(self, key: str, base: Statement | None, ours: Statement, theirs: Statement) -> Statement:
        if same(ours, theirs):
            return ours
        if base is not None and same(base, ours):
            return theirs.with_changes(leading_lines=getattr(ours, "leading_lines", ()))
        is_field = self.is_messages and self.prefix and key.startswith("name:")
        if key != "docstring" and (base is None or not same(base, theirs) or is_field):
            rendered = " ".join(code(theirs.with_changes(leading_lines=())).split())
            words = f"the contract has `{rendered[:120]}`; the hand-written part stays"
            self.add(EnumMergeNote.CONFLICT, self.source.line(ours), self.named(key), words)
        return ours

    def merged_class(self, base: cst.ClassDef | None, ours: cst.ClassDef, theirs: cst.ClassDef) -> cst.ClassDef:
        """Return the hand-written class with the rendered bases and members."""
        inside = self.inside(ours.name.value)
        own, rendered = members_of(statements(ours.body)), members_of(statements(theirs.body))
        before = members_of(statements(base.body)) if base else None
        for key in own if self.is_messages else ():
            if key.startswith("name:") and key not in rendered and not (before and same(before.get(key), own[key])):
                words = "the contract has no such field; add it to `definitions`, or remove it"
                self.add(EnumMergeNote.CONFLICT, self.source.line(own[key]), inside.named(key), words)
        own_bases = {base_name(item) for item in ours.bases} - {base_name(item) for item in theirs.bases}
        merged = inside.body(before, own, rendered, may_inherit=bool(own_bases)) or [
            cst.SimpleStatementLine([cst.Pass()])
        ]
        body = with_statements(ours.body, merged)
        return with_bases(base, ours, theirs).with_changes(body=body)
