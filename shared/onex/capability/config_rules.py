"""Rules between the values of a subcontract, for its validators. Each raises ValueError that names the fields."""

import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator

_MOST_NAMES = 200
_NAME = re.compile(r"[\w.:-]{1,128}")


def require_different(field: str, names: Iterable[str]) -> None:
    """Refuse a list that has a name twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{field} has {name} twice; keep one")
        seen.add(name)


def require_ordered(lower: str, low: float, upper: str, high: float) -> None:
    """Refuse a limit that is below another one."""
    if low > high:
        raise ValueError(f"{upper} ({high:g}) is below {lower} ({low:g})")


def _are_names(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(names) > _MOST_NAMES:
        raise ValueError(f"{len(names)} names; {_MOST_NAMES} are allowed")
    for name in names:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name[:40]!r} is no name; write words such as token, without expressions")
    return names


SensitiveNames = Annotated[tuple[str, ...], AfterValidator(_are_names)]
"""Names of fields whose values are secret, or words of them. An expression would match nothing, and hide nothing."""
