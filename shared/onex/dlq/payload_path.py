"""Paths into a payload, as ``--set``, ``--unset`` and ``--payload`` take them: ``lines.0.price``.

Dots separate names, numbers index lists. A leading dot is allowed, as jq writes it. A dot inside of a name is written
``\\.``, as in jsonpath of kubectl.
"""

import re

from pydantic import JsonValue

from onex.errors import RejectedError

_DOT = re.compile(r"(?<!\\)\.")
_MOST_NAMES = 20
_LONGEST_INDEX = 9


def split_path(path: str) -> list[str]:
    """Return the names and numbers of a path, outermost first."""
    relative = path[1:] if path.startswith(".") and len(path) > 1 else path
    return [part.replace("\\.", ".") for part in _DOT.split(relative)]


def index_of(part: str) -> int:
    """Return the list index that a part is; -1 for a part that is no index."""
    return int(part) if part.isascii() and part.isdigit() and len(part) <= _LONGEST_INDEX else -1


def has_child(at: JsonValue, part: str) -> bool:
    """Return whether the value is an object with that name, or a list with that index."""
    match at:
        case dict():
            return part in at
        case list():
            return 0 <= index_of(part) < len(at)
        case _:
            return False


def child(at: JsonValue, part: str, path: str) -> JsonValue:
    """Return the value below ``at``. Raise RejectedError, naming ``path``, when there is none."""
    match at:
        case dict() if has_child(at, part):
            return at[part]
        case list() if has_child(at, part):
            return at[int(part)]
        case _:
            raise missing(at, part, path)


def missing(at: JsonValue, part: str, path: str) -> RejectedError:
    """Return the error for a part that does not exist; it names the parts that do."""
    match at:
        case dict():
            more = ", ..." if len(at) > _MOST_NAMES else ""
            there = f"the names there are {', '.join(list(at)[:_MOST_NAMES])}{more}" if at else "that object is empty"
        case list():
            there = f"that list has the indices 0 to {len(at) - 1}" if at else "that list is empty"
        case _:
            there = "what is there is no object and no list"
    return RejectedError(f"{path}: there is no {part!r}; {there}")
