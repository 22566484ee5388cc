"""The URL of a request, from a service, a path and values that may come from a message."""

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote, unquote

import httpx

from onex.errors import RejectedError

_PLACE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_ABSOLUTE = re.compile(r"^https?://", re.IGNORECASE)
_PORTS = {"http": 80, "https": 443}
_DOTS = frozenset({".", ".."})


class Origin(NamedTuple):
    """Scheme, host and port (RFC 6454)."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: httpx.URL) -> "Origin":
        """Return the origin of a URL."""
        return cls(url.scheme, url.raw_host.decode("ascii"), url.port or _PORTS.get(url.scheme, 0))

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"


def url_of(service: str, base_url: str, path: str, values: Mapping[str, object]) -> httpx.URL:
    """Return the URL of a request. Raise RejectedError for a path that leaves the base URL.

    Raise ValueError for a place in the path without a value.
    """
    filled = _PLACE.sub(lambda place: _segment(service, place[1], values), path)
    absolute = is_absolute(path)
    if not absolute and ("?" in filled or "#" in filled):
        raise RejectedError(f"{service}: the path has a query or a fragment; pass query instead")
    if any(unquote(segment) in _DOTS for segment in re.split(r"[/\\]", filled.partition("?")[0])):
        raise RejectedError(f"{service}: the path has a segment of dots, which would leave the base URL")
    relative = filled.lstrip("/")
    return parsed(service, filled if absolute else f"{base_url}/{relative}" if relative else base_url)


def is_absolute(path: str) -> bool:
    """Return whether a path is a URL with scheme and host."""
    return _ABSOLUTE.match(path) is not None


def parsed(service: str, text: str) -> httpx.URL:
    """Return a URL. Raise RejectedError for a text that is none, and for a URL with a user."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        raise RejectedError(f"{service}: the path is too long, or has characters that no URL has") from None
    if url.userinfo:
        raise RejectedError(f"{service}: the URL has a user")
    return url


def _segment(service: str, name: str, values: Mapping[str, object]) -> str:
    if name not in values:
        raise ValueError(f"{service}: the path has {{{name}}}, and values has no {name}")
    text = str(values[name])
    if not text or text in _DOTS:
        raise RejectedError(f"{service}: the value of {name} is empty or only dots, which would change the path")
    return quote(text, safe="")
