"""Interfaces of capabilities with the names and methods that ONEX documents show.

``self.health`` is a :class:`HealthCheckProtocol` and ``self.metrics`` a :class:`MetricsProtocol`.
``AwaitableCache(self.cache)`` is a :class:`CachingProtocol`. The protocols of the capabilities themselves have more.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Protocol

from pydantic import JsonValue


class HealthCheckProtocol(Protocol):
    """The health of a node."""

    def is_healthy(self) -> bool:
        """Return whether no critical check fails. It runs no check."""
        ...

    async def health_check(self) -> dict[str, JsonValue]:
        """Run all checks, and return their results as JSON: ``state``, ``reason``, and ``checks`` by name."""
        ...

    def register_health_check(self, check_func: Callable[[], Awaitable[object] | object]) -> None:
        """Add a critical check with the name of the function."""
        ...


class MetricsProtocol(Protocol):
    """Measurements of a node."""

    def increment(self, metric_name: str, value: int = 1) -> None:
        """Add to a counter."""
        ...

    def gauge(self, metric_name: str, value: float) -> None:
        """Set a gauge."""
        ...

    def timer(self, metric_name: str) -> AbstractContextManager[None]:
        """Return a context that adds its duration in seconds to a histogram."""
        ...

    def histogram(self, metric_name: str, value: float) -> None:
        """Add a value to a histogram."""
        ...


class CachingProtocol(Protocol):
    """Values by key."""

    async def get(self, key: str) -> object:
        """Return the value, or None."""
        ...

    async def set(self, key: str, value: object, ttl: int | None = None) -> None:
        """Store a value for ``ttl`` seconds. None uses the lifetime of the contract."""
        ...

    async def delete(self, key: str) -> bool:
        """Remove a value. Return whether there was one."""
        ...

    async def clear(self) -> bool:
        """Remove all values. Return True."""
        ...
