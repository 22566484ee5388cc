"""Which handlers of a package are left to write by hand."""

import ast
from collections.abc import Iterator, Mapping

_MARK = "unfinished"
"""Decorator of :mod:`onex.node` for a handler whose logic the contract does not state."""
_FILE = "node.py"


def unfinished_handlers(files: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the unfinished handlers of ``node.py``, in order. The code is parsed, and not executed.

    A ``node.py`` that is no Python has none: the stage SYNTAX reports it.
    """
    text = next((text for name, text in files.items() if name.count("/") == 2 and name.endswith(f"/{_FILE}")), "")
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    return tuple(_marked(tree))


def _marked(tree: ast.Module) -> Iterator[str]:
    for node_class in tree.body:
        match node_class:
            case ast.ClassDef(body=members):
                for member in members:
                    match member:
                        case ast.FunctionDef() | ast.AsyncFunctionDef() if any(map(_is_mark, member.decorator_list)):
                            yield member.name


def _is_mark(decorator: ast.expr) -> bool:
    match decorator:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name == _MARK
        case _:
            return False
