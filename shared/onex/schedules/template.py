"""Placeholders in the payload of a schedule: ``{due}`` and ``{date}``. Nothing else is replaced, and nothing runs."""

import json
import re
from datetime import UTC, datetime, tzinfo

from pydantic import JsonValue

_PLACEHOLDER = re.compile(r"\{([A-Za-z_]+)\}")
_KNOWN = ("due", "date")


def filled_text(text: str, due: datetime, zone: tzinfo) -> str:
    """Return a text with the due time in UTC for ``{due}``, and its date in the zone for ``{date}``.

    Raise ValueError for another placeholder.
    """
    values = {
        "due": due.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "date": due.astimezone(zone).date().isoformat(),
    }

    def value(found: re.Match[str]) -> str:
        if found[1] not in values:
            names = " and ".join(f"{{{name}}}" for name in _KNOWN)
            raise ValueError(f"{found[0][:60]} is no placeholder; a payload has {names}")
        return values[found[1]]

    return _PLACEHOLDER.sub(value, text)


def filled(payload: str, due: datetime, zone: tzinfo) -> str:
    """Return the JSON of a command, with its placeholders filled. Raise ValueError."""
    return json.dumps(_filled(json.loads(payload), due, zone), ensure_ascii=False)


def _filled(value: JsonValue, due: datetime, zone: tzinfo) -> JsonValue:
    match value:
        case str():
            return filled_text(value, due, zone)
        case list():
            return [_filled(item, due, zone) for item in value]
        case dict():
            return {name: _filled(item, due, zone) for name, item in value.items()}
        case _:
            return value
