"""Syntax trees of foreign text, from any number of threads.

CPython 3.11 counts the depth of recursion of ``ast.parse`` once per interpreter: two threads that convert trees at
the same time end with SystemError ("AST constructor recursion depth mismatch"). One lock keeps our own calls apart.
Other libraries parse without it, so a call that ends this way is repeated.
"""

import ast
import os
import warnings
from dataclasses import dataclass
from threading import Lock
from typing import Final

DEEPEST: Final = 150
"""Deepest nesting of a syntax tree. Visitors recurse, ours and those of the tools."""
_ATTEMPTS = 20
_lock = Lock()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a text has no syntax tree."""

    line: int
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """A syntax tree, and the compiler's warnings as line and text."""

    tree: ast.Module
    warnings: tuple[tuple[int, str], ...] = ()


def parse(text: str) -> Parsed | Refusal:
    """Return the syntax tree of a text that compiles. It is compiled, and not run."""
    for _ in range(_ATTEMPTS):
        try:
            with _lock:
                return _parsed(text)
        except SystemError:  # another thread parsed at the same time
            continue
        except SyntaxError as error:
            return Refusal(error.lineno or 1, f"is no Python: {error.msg}", "fix the syntax")
        except ValueError as error:  # null bytes
            return Refusal(1, f"is no Python: {error}", "save it as UTF-8 text")
        except (RecursionError, MemoryError):
            return _too_deep(1)
    return Refusal(1, "cannot be parsed while other threads of this process parse", "try again")


def _parsed(text: str) -> Parsed | Refusal:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tree = ast.parse(text, "<checked>")
        if (line := _line_too_deep(tree)) is not None:
            return _too_deep(line)
        compile(text, "<checked>", "exec", dont_inherit=True)
    found = {(each.lineno, str(each.message)) for each in caught if issubclass(each.category, _OF_SYNTAX)}
    return Parsed(tree, tuple(sorted(found)))


_OF_SYNTAX = (SyntaxWarning, DeprecationWarning)
"""CPython 3.11 reports invalid escapes as DeprecationWarning."""


def _too_deep(line: int) -> Refusal:
    return Refusal(line, f"nests more than {DEEPEST} expressions and blocks", "split it")


def _line_too_deep(tree: ast.Module) -> int | None:
    """Return the line of the first node below the deepest allowed level. Level by level: no recursion."""
    level: list[ast.AST] = [tree]
    for _ in range(DEEPEST):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return None
    return next((line for node in level if (line := getattr(node, "lineno", 0))), 1)


def _after_fork() -> None:
    """In a forked child: another thread of the parent may hold the lock."""
    global _lock
    _lock = Lock()


os.register_at_fork(after_in_child=_after_fork)
