"""Durations in the units that contracts use: ``_ms``, ``_seconds``, or a text such as ``30s``."""

from collections.abc import Iterable
from dataclasses import dataclass

from onex.codegen.found.notes import Notes
from onex.codegen.found.source import Place
from onex.model.duration import parse_duration

_UNITS = (
    ("_ms", 0.001),
    ("_milliseconds", 0.001),
    ("_seconds", 1.0),
    ("_secs", 1.0),
    ("_s", 1.0),
    ("_minutes", 60.0),
)
_LONG_UNITS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "m"), (1.0, "s"))
_SHORTEST = 0.001


@dataclass(frozen=True, slots=True)
class FoundSeconds:
    """A duration, and the place that says it."""

    seconds: float
    place: Place


def seconds_of(holder: Place, names: Iterable[str], notes: Notes, *, none_is: bool = False) -> FoundSeconds | None:
    """Return the first duration under one of the names, with or without a unit. Refuse what is no duration.

    With ``none_is`` a duration of zero is a millisecond, the shortest delay; otherwise it is refused.
    """
    for name in names:
        for suffix, unit in (*_UNITS, ("", 1.0)):
            place = holder.get(f"{name}{suffix}")
            if place is None or not place.text or isinstance(place.value, bool):
                continue
            try:
                return FoundSeconds(_seconds(place, unit, none_is), place)
            except ValueError as error:
                notes.refused(place, str(error))
                return None
    return None


def _seconds(place: Place, unit: float, none_is: bool) -> float:
    match place.value:
        case 0 if none_is:
            return _SHORTEST
        case int() | float():
            return parse_duration(round(float(place.value) * unit, 6))
    return parse_duration(place.text)


def text_of_seconds(seconds: float) -> str:
    """Return the duration in the largest unit in which it is a whole number."""
    for size, unit in _LONG_UNITS:
        if seconds >= size and (seconds / size).is_integer():
            return f"{int(seconds / size)}{unit}"
    return f"{seconds * 1000:.3f}".rstrip("0").rstrip(".") + "ms"
