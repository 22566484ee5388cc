"""What must be removed from the second level before it may be read again."""

from collections.abc import Iterable
from typing import Final

_MOST: Final = 10_000
"""Names that are remembered while the server is away. With more, everything is removed."""


class Removals:
    """Keys and tags that a server may still have."""

    def __init__(self) -> None:
        self.keys: dict[str, None] = {}
        self.tags: dict[str, None] = {}
        self.everything = False

    def __bool__(self) -> bool:
        return bool(self.keys or self.tags or self.everything)

    def add(self, keys: Iterable[str] = (), tags: Iterable[str] = (), *, everything: bool = False) -> None:
        """Add to it."""
        self.keys |= dict.fromkeys(keys)
        self.tags |= dict.fromkeys(tags)
        self.everything |= everything or len(self.keys) + len(self.tags) > _MOST
        if self.everything:
            self.keys, self.tags = {}, {}

    def hides(self, key: str) -> bool:
        """Return whether a value on the server may be one that must be removed. The keys of a tag are not known."""
        return self.everything or bool(self.tags) or key in self.keys
