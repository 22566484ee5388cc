"""``python -m tests.type_baseline`` fails when a file gains a call of ``isinstance`` or an ``Any``.

``type_baseline.txt`` has the number of both by file, with a reason. Calls that test for the project's own classes,
other than exceptions, are counted separately: methods and ``match`` over a closed union replace them. A file that the
baseline does not name may have none, and no file in ``services/`` may have any. ``--write`` writes the current
numbers, preserves the reasons, and fails when the sum would grow.
"""

import ast
import builtins
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
BASELINE = Path(__file__).with_name("type_baseline.txt")
FOLDERS = ("shared/onex", "services")
_HAS_USE = re.compile(r"\bisinstance\b|\bAny\b")
UNKNOWN = "?"
"""The reason of a new line, until someone writes one."""
_REASONS = {
    "annotation": "type annotations of node authors",
    "exception": "classes of exceptions",
    "syntax": "syntax trees of Python",
    "value": "values from outside: YAML, JSON, settings, command lines",
    "library": "objects of a library",
}


class Use(NamedTuple):
    """A file, and the kind of a use: ``own`` or ``other`` classes in ``isinstance``, or ``Any``."""

    path: str
    kind: str


class Allowed(NamedTuple):
    """The number of uses that a file may have, and why it has any."""

    number: int
    reason: str


def uses_in(path: str, source: str) -> Iterator[tuple[Use, str]]:
    """Yield each use in a module, with the reason that follows from the tested class."""
    if not _HAS_USE.search(source):  # a tenth of the time of a syntax tree
        return
    nodes = [*ast.walk(ast.parse(source))]
    own = _own_classes(nodes)
    for node in nodes:
        match node:
            case ast.Call(func=ast.Name(id="isinstance"), args=[_, classes]):
                names = {ast.unparse(item) for item in _members(classes)}
                ours = any(name.partition(".")[0] in own and _kind_of(name) != "exception" for name in names)
                yield (Use(path, "own"), UNKNOWN) if ours else (Use(path, "other"), _reason(names))
            case ast.Name(id="Any") | ast.Attribute(value=ast.Name(id="typing"), attr="Any"):
                yield Use(path, "Any"), UNKNOWN


def _own_classes(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the names of classes that the module defines, or imports from the project."""
    names: set[str] = set()
    for node in nodes:
        match node:
            case ast.ClassDef(name=name):
                names.add(name)
            case ast.ImportFrom(module=str(module), names=imported) if module.partition(".")[0] == "onex":
                names |= {alias.asname or alias.name for alias in imported}
    return names


def _members(classes: ast.expr) -> Iterator[ast.expr]:
    """Yield the classes of ``A | B`` and ``(A, B)``."""
    match classes:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            yield from (*_members(left), *_members(right))
        case ast.Tuple(elts=items):
            for item in items:
                yield from _members(item)
        case _:
            yield classes


def _reason(names: Iterable[str]) -> str:
    kinds = {_kind_of(name) for name in names}
    return "; ".join(_REASONS[kind] for kind in _REASONS if kind in kinds)


def _kind_of(name: str) -> str:
    last = name.rpartition(".")[2]
    if name in ("type", "UnionType", "Enum"):
        return "annotation"
    if last.endswith(("Error", "Exception", "ExceptionGroup", "Interrupt", "Exit")):
        return "exception"
    if name.startswith("ast."):
        return "syntax"
    return "value" if hasattr(builtins, last) or last in ("Mapping", "Sequence", "Decimal", "date") else "library"


def count_all(root: Path = ROOT, folders: Iterable[str] = FOLDERS) -> Mapping[Use, Allowed]:
    """Return the uses in all modules of these folders, with the reasons that follow from the tested classes."""
    counts: Counter[Use] = Counter()
    reasons: dict[Use, set[str]] = {}
    for folder in folders:
        for file in sorted((root / folder).rglob("*.py")):
            for use, reason in uses_in(file.relative_to(root).as_posix(), file.read_text()):
                counts[use] += 1
                reasons.setdefault(use, set()).update(reason.split("; "))
    return {use: Allowed(count, "; ".join(sorted(reasons[use]))) for use, count in counts.items()}


def read_baseline(text: str) -> Mapping[Use, Allowed]:
    """Return the numbers and reasons of a baseline. A line is: path, kind, number, reason."""
    lines = (line.split(maxsplit=3) for line in text.splitlines() if line and not line.startswith("#"))
    return {Use(path, kind): Allowed(int(count), reason) for path, kind, count, reason in lines}


def grown(counts: Mapping[Use, Allowed], allowed: Mapping[Use, Allowed]) -> list[str]:
    """Return a line for each file with more uses than it may have."""
    return [
        f"{use.path}: {now.number} of kind {use.kind}, and {allowed[use].number if use in allowed else 0} are allowed"
        for use, now in sorted(counts.items())
        if use.path.startswith("services/") or use not in allowed or now.number > allowed[use].number
    ]


def text_of(counts: Mapping[Use, Allowed], before: Mapping[Use, Allowed]) -> str:
    """Return the baseline of these numbers, with the reasons of the one before for own classes and ``Any``."""
    lines = ["# Calls of isinstance, and Any, by file: python -m tests.type_baseline --write"]
    for use, now in sorted(counts.items()):
        reason = before[use].reason if use in before and use.kind != "other" else now.reason
        lines.append(f"{use.path} {use.kind} {now.number} {reason}")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Check, or write the baseline. Return the exit code."""
    counts = count_all()
    allowed = read_baseline(BASELINE.read_text()) if BASELINE.exists() else counts
    problems = grown(counts, allowed)
    if "--write" in sys.argv[1:]:
        total, limit = (sum(each.number for each in every.values()) for every in (counts, allowed))
        if total > limit:
            sys.stderr.write(f"{total} uses, and {limit} are allowed\n")
            return 1
        BASELINE.write_text(text_of(counts, allowed))
        return 0
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
