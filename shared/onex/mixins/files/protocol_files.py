"""Interface of files."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol


class ProtocolFileChange(Protocol):
    """Several changes that are committed together. Each method raises RejectedError beyond the limits."""

    def write(self, path: str, content: bytes) -> None:
        """Create or replace a file at the commit."""
        ...

    def append(self, path: str, content: bytes, *, key: str = "") -> None:
        """Add to the end of a file, or create it, at the commit. See ``ProtocolFiles.append``."""
        ...

    def delete(self, path: str) -> None:
        """Delete a file at the commit. A file that does not exist is no error."""
        ...


class ProtocolFiles(Protocol):
    """Files below one folder, by relative path with slashes, such as ``invoices/o-1.json``.

    A path that leaves the folder, or leads through a symlink, raises RejectedError. A full disk, and any other
    failure of the disk, raises OutageError: the message waits, and no attempt is counted.
    """

    async def read(self, path: str) -> bytes | None:
        """Return the content, or None when there is no file. Raise RejectedError for too large a file."""
        ...

    async def exists(self, path: str) -> bool:
        """Return whether there is a file at this path."""
        ...

    async def list(self, folder: str = "") -> Sequence[str]:
        """Return the paths of all files in a folder and its subfolders, sorted. Raise RejectedError for too many."""
        ...

    async def write(self, path: str, content: bytes) -> None:
        """Create or replace a file. Readers see the old content or the new one, also after a crash."""
        ...

    async def append(self, path: str, content: bytes, *, key: str = "") -> None:
        """Add to the end of a file, or create it.

        The same message appends the same content to the same file once, however often it is handled. ``key``
        replaces message and content: appends with an equal key are one.
        """
        ...

    async def delete(self, path: str) -> bool:
        """Delete a file. Return whether there was one."""
        ...

    def change(self) -> AbstractAsyncContextManager[ProtocolFileChange]:
        """Return a change for ``async with``: the end of the block commits it, an exception drops it.

        A commit that a crash interrupts is completed at the next start, or by another instance before its next
        commit.
        """
        ...
