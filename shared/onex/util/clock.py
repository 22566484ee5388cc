"""Time as an input. Engines and their tests take the time from one clock."""

import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

from typing_extensions import override

LATEST_MS = 253_402_300_799_000
"""The end of the year 9999 in milliseconds since 1970, the latest time of datetime."""


class ProtocolClock(Protocol):
    """Wall time in milliseconds since 1970, and monotonic seconds."""

    def now_ms(self) -> int:
        """Return milliseconds since 1970."""
        ...

    def monotonic(self) -> float:
        """Return seconds that only increase."""
        ...


class SystemClock(ProtocolClock):
    """The machine's clock."""

    @override
    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    @override
    def monotonic(self) -> float:
        return time.monotonic()


@lru_cache(maxsize=4)
def to_datetime(ms: int) -> datetime:
    """UTC datetime of milliseconds since 1970."""
    return datetime.fromtimestamp(ms / 1000, UTC)
