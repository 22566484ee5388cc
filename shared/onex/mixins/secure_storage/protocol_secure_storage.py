"""Interface of secure storage."""

from collections.abc import Sequence
from typing import Protocol


class ProtocolSecureStorage(Protocol):
    """Values by name (letters, digits, ``._-``). Each write is atomic."""

    async def put(self, name: str, value: bytes) -> None:
        """Store a value and replace an earlier one. Raise RejectedError for an invalid name or too large a value."""
        ...

    async def get(self, name: str) -> bytes | None:
        """Return the value, or None. Raise RejectedError when it was altered, or its key is not configured."""
        ...

    async def delete(self, name: str) -> bool:
        """Delete a value. Return whether there was one."""
        ...

    async def names(self) -> Sequence[str]:
        """Return the names of all values, sorted."""
        ...

    async def rotate(self) -> int:
        """Encrypt all values with the active key. Return the number of values that had another key."""
        ...
