"""Time as an input. The engine and its tests agree on one clock; nothing else asks for the time."""

import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

LATEST_MS = 253_402_300_799_000
"""The end of the year 9999 in milliseconds since 1970: datetime knows no later time."""


class ProtocolClock(Protocol):
    """Wall time in milliseconds since 1970, and monotonic seconds."""

    def now_ms(self) -> int: ...
    def monotonic(self) -> float: ...


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds that only grow."""
        return time.monotonic()


@lru_cache(maxsize=4)
def to_datetime(ms: int) -> datetime:
    """UTC datetime of milliseconds since 1970."""
    return datetime.fromtimestamp(ms / 1000, UTC)
