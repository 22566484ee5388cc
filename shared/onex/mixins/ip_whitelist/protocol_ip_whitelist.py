"""Interface of client addresses."""

from collections.abc import Iterable
from typing import Protocol


class ProtocolIPWhitelist(Protocol):
    """Decides by the address of a client. Messages with an address header are checked automatically."""

    def client(self, peer: str, headers: Iterable[tuple[str, str]] = ()) -> str:
        """Return the address of the client of an HTTP request: that of the connection, or, from a trusted proxy, the
        last one in ``Forwarded`` or ``X-Forwarded-For`` that is no trusted proxy.

        ``headers``: all pairs, in order. Raise AccessDeniedError for an address that cannot be read.
        """
        ...

    def is_allowed(self, address: str) -> bool:
        """Return whether an address is accepted. False for one that cannot be read."""
        ...

    def require(self, peer: str, headers: Iterable[tuple[str, str]] = ()) -> str:
        """Return the address of the client. Raise AccessDeniedError when it is not accepted."""
        ...
