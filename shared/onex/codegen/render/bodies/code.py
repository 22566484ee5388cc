"""Expressions of rendered Python as a tree, and their text in lines of bounded length."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from onex.codegen.render.values import literal

Constant = str | int | float
"""Value of a literal. ``bool`` is an ``int``."""
LINE_WIDTH: Final = 110
"""Characters of a statement's line: 118, without the 8 by which the body of a method is indented."""
_INDENT: Final = "    "
_PART: Final = 80
"""Characters of a part of a long text."""


@dataclass(frozen=True, slots=True)
class Call:
    """``function(a, b=c)``. Positional arguments have an empty name."""

    function: str
    arguments: "Sequence[tuple[str, Expression]]"


@dataclass(frozen=True, slots=True)
class Items:
    """``[a, b]``, ``(a, b)`` or ``{"a": b}``: what is between two brackets."""

    brackets: str
    """The opening and the closing one."""
    items: "Sequence[tuple[str, Expression]]"
    """Key with ``: `` and value for a dict; an empty key for the others."""


@dataclass(frozen=True, slots=True)
class Text:
    """A literal text, on several lines when it is long."""

    value: str


Expression = str | Call | Items | Text


def flat(expression: Expression) -> str:
    """Return the expression on one line."""
    match expression:
        case str():
            return expression
        case Text(value):
            return literal(value)
        case Call(function, arguments):
            inside = ", ".join(f"{name}={flat(value)}" if name else flat(value) for name, value in arguments)
            return f"{function}({inside})"
        case Items(brackets, items):
            inside = ", ".join(f"{key}{flat(value)}" for key, value in items)
            comma = "," if brackets == "()" and len(items) == 1 else ""
            return f"{brackets[0]}{inside}{comma}{brackets[1]}"


def statement(head: str, expression: Expression, tail: str = "", *, depth: int = 0) -> list[str]:
    """Return the lines of ``head`` + expression + ``tail``, each within the width where it can be broken.

    ``depth`` is the number of levels by which the lines will be indented further.
    """
    whole = f"{head}{flat(expression)}{tail}"
    if len(whole) + depth * len(_INDENT) <= LINE_WIDTH:
        return [whole]
    match expression:
        case Text(value) if len(value) > _PART:
            return [f"{head}(", *(f"{_INDENT}{literal(part)}" for part in _parts(value)), f"){tail}"]
        case Call(function, [("", Text(value))]) if len(value) > _PART:
            return [f"{head}{function}(", *(f"{_INDENT}{literal(part)}" for part in _parts(value)), f"){tail}"]
        case Call(function, arguments) if arguments:
            parts = [(f"{name}=" if name else "", value) for name, value in arguments]
            return _broken(f"{head}{function}(", parts, f"){tail}", depth)
        case Items(brackets, items) if items:
            return _broken(f"{head}{brackets[0]}", items, f"{brackets[1]}{tail}", depth)
        case _:
            return [whole]


def _broken(first: str, parts: Sequence[tuple[str, Expression]], last: str, depth: int) -> list[str]:
    lines = [first]
    for name, value in parts:
        lines += [_INDENT + line for line in statement(name, value, ",", depth=depth + 1)]
    return [*lines, last]


def _parts(value: str) -> Iterator[str]:
    """Yield the parts of a long text, which Python joins again. Parts end behind a blank where there is one."""
    while len(value) > _PART:
        at = value.rfind(" ", 0, _PART) + 1 or _PART
        yield value[:at]
        value = value[at:]
    yield value
