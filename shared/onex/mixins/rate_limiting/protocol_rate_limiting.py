"""Interface of rate limits."""

from typing import Protocol


class ProtocolRateLimiting(Protocol):
    """Permits. Without ``per_key`` the key is ignored."""

    async def acquire(self, key: str = "") -> None:
        """Wait for a permit. Raise RateLimitedError immediately when the wait would exceed ``max_wait_seconds``."""
        ...

    def try_acquire(self, key: str = "") -> bool:
        """Return whether a permit was available, without waiting."""
        ...
