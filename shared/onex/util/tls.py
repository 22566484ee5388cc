"""The certificates that HTTP clients trust, read once: 20 ms of processor time for each client otherwise."""

import os
import ssl
from functools import lru_cache

import httpx

_SETTINGS = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""Variables that replace the certificates of the package certifi; httpx reads them."""
_State = tuple[str, int, int]
"""A path, its time of change in nanoseconds, and its size in bytes."""


def trusted() -> ssl.SSLContext:
    """Return the context for connections whose certificates are verified. No caller changes it: others share it.

    A file or folder of certificates that has changed is read again. Raise OSError when it cannot be read.
    """
    return _context(tuple(_state(path) for name in _SETTINGS if (path := os.environ.get(name))))


def _state(path: str) -> _State:
    found = os.stat(path)
    return path, found.st_mtime_ns, found.st_size


@lru_cache(maxsize=4)
def _context(_: tuple[_State, ...]) -> ssl.SSLContext:
    return httpx.create_ssl_context()
