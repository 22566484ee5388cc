"""Durations in contracts and options: ``200ms``, ``30s``, ``5m``, ``2h``, ``7d``."""

import re
from typing import Annotated, Final

from pydantic import BeforeValidator, WithJsonSchema

LONGEST: Final = 100 * 365.25 * 24 * 3600
"""Longest timer and duration, in seconds."""
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PATTERN = re.compile(r"^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)$")


def parse_duration(value: object) -> float:
    """Return the seconds of a text such as ``200ms``, or of a number of seconds. Raise ValueError."""
    match value:
        case bool():
            pass
        case int() | float() if 0 < value <= LONGEST:
            return float(value)
        case str() if found := _PATTERN.fullmatch(value):
            if 0 < (seconds := float(found[1]) * _UNITS[found[2]]) <= LONGEST:
                return seconds
    raise ValueError(f"{value!r} is no duration above zero and up to 100 years; write 200ms, 30s, 5m, 2h or 7d")


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    WithJsonSchema({"type": ["string", "number"], "pattern": _PATTERN.pattern}),
]
"""Seconds as a float; accepts the texts of :func:`parse_duration`."""
