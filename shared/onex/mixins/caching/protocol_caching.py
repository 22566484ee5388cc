"""Interface of the cache."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import ParamSpec, Protocol, TypeVar

T = TypeVar("T")
P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class CacheFacts:
    """Counters since the start, and the number of entries."""

    hits: int
    misses: int
    stale: int
    """Expired entries that were returned because the loader failed."""
    shared: int
    """Requests that shared a call of the loader."""
    entries: int


class ProtocolCaching(Protocol):
    """Values by key, in this process. Callers get the stored object, not a copy: store immutable values."""

    async def load(
        self,
        key: str,
        model: type[T],
        loader: Callable[[], Awaitable[T]],
        *,
        ttl: float | None = None,
        tags: Iterable[str] = (),
    ) -> T:
        """Return the value from the cache, or from ``loader``. None is a value, too.

        Concurrent calls for a key share one run of the loader. ``ttl`` is in seconds. Raise what the loader raises,
        and TypeError for a key that holds a value of another type.
        """
        ...

    def get(self, key: str, model: type[T]) -> T | None:
        """Return the value, or None. Raise TypeError for a value of another type."""
        ...

    def put(self, key: str, value: object, *, ttl: float | None = None, tags: Iterable[str] = ()) -> None:
        """Store a value for ``ttl`` seconds."""
        ...

    def remember(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Return ``work(*arguments)``, from the cache when it was called with the same arguments before.

        For nodes of every kind. ``work`` is pure: its result depends on the arguments alone, so it has no lifetime
        and handlers cannot see whether it was computed again. Arguments are messages and plain values. Raise what
        ``work`` raises, and TypeError for other arguments or for a function that is made again at each call.
        """
        ...

    def forget(self, key: str) -> bool:
        """Remove the value of a key. Return whether there was one.

        The result of a loader that was called before is returned to its callers, and not stored.
        """
        ...

    def forget_tag(self, tag: str) -> int:
        """Remove all values with this tag. Return their number."""
        ...

    def clear(self) -> None:
        """Remove all values."""
        ...

    def facts(self) -> CacheFacts:
        """Return the counters since the start."""
        ...
