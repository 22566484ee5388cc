"""Names of keys and tags, and what they are called on the server."""

import hashlib
from collections.abc import Iterable
from typing import Final

LONGEST: Final = 200
"""Bytes of a name. The hash takes the place of a longer one, and of one that UTF-8 cannot encode."""


def short(name: str) -> str:
    """Return a name of at most ``LONGEST`` bytes: the same name, or its hash."""
    encoded = name.encode(errors="surrogatepass")
    is_text = not any("\ud800" <= letter <= "\udfff" for letter in name)
    return name if is_text and len(encoded) <= LONGEST else f"sha256:{hashlib.sha256(encoded).hexdigest()}"


def short_all(names: Iterable[str]) -> frozenset[str]:
    """Return ``short`` of each name."""
    return frozenset(short(name) for name in names)


class Namespace:
    """The names of one node and contract version. The part in braces keeps them in one slot of a cluster."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._prefix = f"onex:{{{name}}}:".encode()

    def value(self, key: str) -> bytes:
        """The name of the value of a key."""
        return self._of(b"k:", key)

    def tag(self, tag: str) -> bytes:
        """The name of the sorted set with the keys of a tag, by their expiry."""
        return self._of(b"t:", tag)

    def loading(self, key: str) -> bytes:
        """The name of the lock of the instance that loads a value."""
        return self._of(b"l:", key)

    def refreshing(self, key: str) -> bytes:
        """The name of the lock of the instance that renews a value."""
        return self._of(b"r:", key)

    @property
    def health(self) -> bytes:
        """A name without a value, for checks."""
        return self._of(b"h:", "")

    @property
    def values_pattern(self) -> bytes:
        """The pattern of all values and tags: not that of locks, which other instances wait for."""
        return self._prefix + b"[kt]:*"

    def _of(self, kind: bytes, name: str) -> bytes:
        return self._prefix + kind + name.encode()
