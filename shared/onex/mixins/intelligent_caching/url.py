"""The address of a server, with its credentials."""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

_SCHEMES: Final = ("redis", "rediss")
_FORM: Final = "write redis://user:password@host:port/number, or rediss:// for TLS"


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server is."""

    host: str
    port: int
    database: int
    is_tls: bool
    user: str = ""
    password: str = field(default="", repr=False)


def url_problem(url: str) -> str:
    """Return what is wrong with a URL, or an empty text. It never contains a part of the URL."""
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        is_complete = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return f"it is no URL; {_FORM}"
    if parts.scheme not in _SCHEMES or not is_complete:
        return f"it is no address of a Redis server; {_FORM}"
    if parts.query or parts.fragment:
        return f"options in the URL are not supported; {_FORM}"
    database = parts.path.strip("/")
    if database and not (database.isascii() and database.isdigit() and len(database) <= 5):
        return f"its path is no number of a database; {_FORM}"
    return ""


def address_of(url: str) -> Address:
    """Return the parts of a URL without a problem."""
    parts = urlsplit(url)
    return Address(
        parts.hostname or "",
        parts.port or 6379,
        int(parts.path.strip("/") or 0),
        parts.scheme == "rediss",
        unquote(parts.username or ""),
        unquote(parts.password or ""),
    )
