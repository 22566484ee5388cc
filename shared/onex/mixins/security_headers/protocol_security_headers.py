"""Interface of security headers."""

from collections.abc import Mapping
from typing import Protocol


class ProtocolSecurityHeaders(Protocol):
    """Headers for responses."""

    def headers(self) -> Mapping[str, str]:
        """Return the headers of a response, by name in lower case."""
        ...

    def merged(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        """Return the headers of a response with these. The response's own ``Cache-Control`` stays; others of the same
        name are replaced."""
        ...
