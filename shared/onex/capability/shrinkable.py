"""Caches that give memory back when a node has little left."""

from collections.abc import Mapping
from typing import Protocol

from onex.errors import CompositionError


class ProtocolShrinkable(Protocol):
    """A cache whose entries can be loaded or computed again, so that a smaller one changes no result."""

    def entry_count(self) -> int:
        """Return the number of entries. Any thread may call it."""
        ...

    def shrink(self, share: float) -> int:
        """Remove this share of the entries, above 0 and at most 1. Return the number of entries removed.

        It is called between two batches on the thread that runs handlers, or on the event loop of an EFFECT. It does
        not wait.
        """
        ...


class Shrinkables:
    """The caches of one node, by name."""

    def __init__(self) -> None:
        self._caches: dict[str, ProtocolShrinkable] = {}

    def add(self, name: str, cache: ProtocolShrinkable) -> None:
        """Add a cache. Raise CompositionError when its name is in use."""
        if name in self._caches:
            raise CompositionError(f"a cache {name!r} is registered already; use another name")
        self._caches = {**self._caches, name: cache}

    def replace(self, name: str, cache: ProtocolShrinkable) -> None:
        """Add a cache in place of an earlier one of the same owner."""
        self._caches = {**self._caches, name: cache}

    def remove(self, name: str) -> None:
        """Remove a cache. Unknown names are ignored."""
        self._caches = {other: cache for other, cache in self._caches.items() if other != name}

    @property
    def all(self) -> Mapping[str, ProtocolShrinkable]:
        """The caches in the order in which they were added. A later ``add`` or ``remove`` does not change it."""
        return self._caches
