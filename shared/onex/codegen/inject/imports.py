"""Import lines in the order of ruff's rule I001."""

import re
import sys
from collections.abc import Iterable

Import = tuple[str, str]
"""Module and name."""
_DIGITS = re.compile(r"(\d+)")


def grouped_imports(imports: Iterable[Import]) -> list[str]:
    """Return a line for each module: Python's library, other packages, then nodes and ``onex``, with blank lines."""
    by_module: dict[str, set[str]] = {}
    for module, name in imports:
        by_module.setdefault(module, set()).add(name)
    groups: list[list[str]] = [[], [], []]
    for module in sorted(by_module, key=_natural):
        names = ", ".join(in_import_order(by_module[module]))
        groups[_group(module)].append(f"from {module} import {names}")
    lines: list[str] = []
    for group in filter(None, groups):
        lines += ["", *group] if lines else group
    return lines


def in_import_order(names: Iterable[str]) -> list[str]:
    """Return names as ruff sorts them in imports and ``__all__``: constants, classes, others; digits as numbers."""
    return sorted(names, key=lambda name: (_sort(name), _natural(name)))


def _sort(name: str) -> int:
    if len(name) > 1 and name.isupper():
        return 0
    return 1 if name[:1].isupper() else 2


def _natural(name: str) -> list[tuple[int, str]]:
    parts = _DIGITS.split(name)
    return [(int(part) if part.isdigit() else -1, part.lower()) for part in parts] + [(-1, name)]


def _group(module: str) -> int:
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names:
        return 0
    return 2 if top == "onex" or top.startswith("node_") else 1
