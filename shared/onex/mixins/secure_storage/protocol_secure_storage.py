"""What a node may do with its secrets."""

from collections.abc import Sequence
from typing import Protocol


class ProtocolSecureStorage(Protocol):
    """Values by name (letters, digits, ``._-``). All or nothing is written, whatever happens meanwhile."""

    async def put(self, name: str, value: bytes) -> None:
        """Keep a value, in place of what was there. Raises RejectedError for a bad name or too large a value."""
        ...

    async def get(self, name: str) -> bytes | None:
        """The value, or None. Raises RejectedError for one that was altered, or whose key is gone."""
        ...

    async def delete(self, name: str) -> bool:
        """Whether there was something to delete."""
        ...

    async def names(self) -> Sequence[str]:
        """Sorted."""
        ...

    async def rotate(self) -> int:
        """Close every value with the active key; gives how many had another one."""
        ...
