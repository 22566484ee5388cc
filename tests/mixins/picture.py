"""The state of an engine as plain values, so that two points in time can be compared."""

from collections import deque
from collections.abc import Iterator, Mapping

from pydantic import BaseModel

Picture = str | tuple["Picture", ...]
_SCALARS = (str, bytes, int, float, type(None))


def picture(part: object, path: tuple[int, ...] = ()) -> Picture:
    """Return containers and objects of ``onex.mixins`` by their parts, scalars by text, others by type."""
    if isinstance(part, _SCALARS):
        return repr(part)
    if id(part) in path:
        return "circular"
    return tuple(picture(inner, (*path, id(part))) for inner in _parts(part))


def _parts(part: object) -> Iterator[object]:
    yield type(part).__name__
    match part:
        case Mapping():
            yield from (entry for pair in part.items() for entry in pair)
        case BaseModel():
            return
        case list() | tuple() | set() | frozenset() | deque():
            yield from part
        case _ if type(part).__module__.startswith("onex.mixins."):
            yield from (getattr(part, name) for name in _names(part))


def _names(part: object) -> list[str]:
    slots = [name for cls in type(part).__mro__ for name in getattr(cls, "__slots__", ()) if hasattr(part, name)]
    return sorted([*getattr(part, "__dict__", {}), *slots])
