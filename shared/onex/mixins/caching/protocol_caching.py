"""What a node may do with its cache."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CacheFacts:
    """What became of questions so far, and what there is."""

    hits: int
    misses: int
    stale: int
    """Given after their time, because the dependency failed."""
    shared: int
    """Served by a call of the loader that was under way already."""
    entries: int


class ProtocolCaching(Protocol):
    """Values by key, in this process. They are handed out as they are: keep what nobody changes."""

    async def load(
        self,
        key: str,
        model: type[T],
        loader: Callable[[], Awaitable[T]],
        *,
        ttl: float | None = None,
        tags: Iterable[str] = (),
    ) -> T:
        """The value, from the cache or from ``loader``, which runs once however many ask; None is a value too.

        Raises what the loader raises, and TypeError for a key that is in use for another type.
        """
        ...

    def get(self, key: str, model: type[T]) -> T | None:
        """The value, or None. Raises TypeError for a value of another type."""
        ...

    def put(self, key: str, value: object, *, ttl: float | None = None, tags: Iterable[str] = ()) -> None:
        """Keep a value."""
        ...

    def forget(self, key: str) -> bool:
        """Whether there was something to forget."""
        ...

    def forget_tag(self, tag: str) -> int:
        """Forget everything that was put in with this tag; gives how much."""
        ...

    def clear(self) -> None:
        """Forget everything."""
        ...

    def facts(self) -> CacheFacts:
        """Counted since start."""
        ...
