"""Interface of the cache with two levels."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class IntelligentCacheFacts:
    """Counters since the start."""

    hits_first: int
    """Values from the memory of the process."""
    hits_second: int
    """Values from the server."""
    misses: int
    """Calls of loaders, without renewals."""
    refreshes: int
    """Values that were renewed before they expired."""
    failed_refreshes: int
    invalidations: int
    """Keys, tags and whole caches that were removed, by this process or a message."""
    failures: int
    """Uses of the server that failed."""
    not_stored: int
    """Values that stay in memory: too large, or not the same when they are read again."""
    damaged: int
    """Values on the server that could not be read."""
    second_level_up: int
    """1 while the server is used, 0 while it is away or there is none."""


class ProtocolIntelligentCaching(Protocol):
    """Values by key, in the memory of the process and on a server for all instances.

    The memory is that of ``self.cache``. Store immutable values. Nothing fails because the server does.
    """

    async def load(
        self,
        key: str,
        model: type[T],
        loader: Callable[[], Awaitable[T]],
        *,
        ttl: float | None = None,
        tags: Iterable[str] = (),
    ) -> T:
        """Return the value from memory, from the server, or from ``loader``. None is a value, too.

        Concurrent calls for a key share one run of the loader, in all instances. In the last part of its lifetime
        the value is returned, and renewed in the background. ``ttl`` is in seconds. Raise what the loader raises, and
        TypeError for a key that holds a value of another type.
        """
        ...

    async def get(self, key: str, model: type[T]) -> T | None:
        """Return the value from memory or from the server, or None. Raise TypeError for one of another type."""
        ...

    async def put(self, key: str, value: object, *, ttl: float | None = None, tags: Iterable[str] = ()) -> None:
        """Store a value in both levels, for ``ttl`` seconds. The memory of other instances keeps what it has."""
        ...

    async def forget(self, key: str) -> None:
        """Remove the value of a key in every instance. Raise TransientError when they cannot be notified."""
        ...

    async def forget_tag(self, tag: str) -> None:
        """Remove all values with this tag in every instance. Raise TransientError when they cannot be notified."""
        ...

    async def clear(self) -> None:
        """Remove all values in every instance. Raise TransientError when they cannot be notified."""
        ...

    def facts(self) -> IntelligentCacheFacts:
        """Return the counters since the start."""
        ...
