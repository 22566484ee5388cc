"""Layout of a changelog: the keys of its records, and the JSON form of timers.

The first byte of a record key says what the record holds; the rest is the key of the state.
"""

from typing import NamedTuple

import orjson

from onex.errors import PoisonError

STATE = b"s"
TIMERS = b"t"
OWN = STATE + TIMERS
"""First bytes of the keys in a changelog. Records with other keys are foreign, and could change marks of a store."""

COMPACTION_LAG = "min.compaction.lag.ms"
"""The topic setting for the time in which no value is removed, because a newer one was written."""
COMPACTION_LAG_MS = 3_600_000
"""Its value for changelogs of which checkpoints are made: a partition is read twice meanwhile."""


class StoredTimer(NamedTuple):
    """When a timer is due, and what of the envelope it carries on."""

    due_ms: int
    kept: dict[str, str]


TimersOfKey = dict[str, StoredTimer]


def decode_timers(value: bytes) -> TimersOfKey:
    """Return the timers of a key by name. Raise PoisonError for bytes that :func:`dump_timers` does not write."""
    try:
        stored = orjson.loads(value)
    except ValueError as error:
        raise PoisonError(f"no timers: {error}") from None
    if not isinstance(stored, dict):
        raise PoisonError("no timers: no JSON object")
    timers: TimersOfKey = {}
    for name, timer in stored.items():
        match timer:
            case [int(due_ms), dict(kept)] if all(isinstance(text, str) for text in kept.values()):
                timers[name] = StoredTimer(due_ms, kept)
            case _:
                raise PoisonError(f"no timers: {name[:100]!r} has no due time and headers")
    return timers


def dump_timers(timers: TimersOfKey) -> bytes:
    """Return the timers of a key as the changelog stores them."""
    return orjson.dumps({name: [timer.due_ms, timer.kept] for name, timer in timers.items()})
