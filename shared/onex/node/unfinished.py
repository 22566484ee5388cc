"""Marks handlers whose logic is not written yet. Tools find the marks without running the handlers."""

import inspect
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

Handler = TypeVar("Handler", bound=Callable[..., object])
_MARK: Final = "__onex_unfinished__"


def unfinished(method: Handler) -> Handler:
    """Mark a handler as not written yet. Its body raises NotImplementedNodeError.

    ``onex run`` refuses a node with such handlers, unless it is started with ``--allow-unfinished``. Remove the mark
    when the body is written.
    """
    setattr(method, _MARK, True)
    return method


def unfinished_methods(node_class: type) -> Mapping[str, int]:
    """Return the marked methods of a class, in the order of their definitions, with the line of each."""
    marked = {
        name: inspect.unwrap(member).__code__.co_firstlineno
        for name, member in inspect.getmembers(node_class, inspect.isfunction)
        if getattr(member, _MARK, False)
    }
    return dict(sorted(marked.items(), key=lambda item: item[1]))
