"""Time zones by name, of the IANA database."""

import re
from datetime import UTC, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9][A-Za-z0-9_+-]*){0,2}")
_LONGEST = 64
_OF_THE_MACHINE = re.compile(r"(?i)(posix|right)/.*|localtime|posixrules|factory")
"""Names that mean something else on another machine, or count leap seconds."""


@lru_cache(maxsize=200)
def zone_of(name: str) -> tzinfo:
    """Return the zone of a name such as ``Europe/Berlin``. Raise ValueError, with the remedy, for an unknown name."""
    if name == "UTC":
        return UTC  # known without a database
    shown = repr(name[:_LONGEST])
    if len(name) > _LONGEST or _NAME.fullmatch(name) is None or _OF_THE_MACHINE.fullmatch(name):
        raise ValueError(f"{shown} is no time zone; write UTC or a name of the IANA database, such as Europe/Berlin")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a folder of the database is no zone either
        raise ValueError(
            f"this machine has no time zone {shown}; fix the name, or install the IANA database: pip install tzdata"
        ) from None
