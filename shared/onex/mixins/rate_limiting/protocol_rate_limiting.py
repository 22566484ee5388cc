"""What a node may do with rate limits."""

from typing import Protocol


class ProtocolRateLimiting(Protocol):
    """Permits. Without ``per_key`` keys make no difference."""

    async def acquire(self, key: str = "") -> None:
        """Wait for a permit. Raises RateLimitedError, at once, where that would take longer than allowed."""
        ...

    def try_acquire(self, key: str = "") -> bool:
        """A permit now, or none."""
        ...
