"""What the status of an HTTP response says about another attempt."""

from email.utils import parsedate_to_datetime

_PASSING = frozenset({408, 425, 429})
"""Request Timeout (RFC 9110, section 15.5.9), Too Early (RFC 8470), Too Many Requests (RFC 6585)."""

CREDENTIALS = frozenset({401, 407})
"""Unauthorized, Proxy Authentication Required: the caller is refused, whatever it asks for."""
OUTAGES = frozenset({429, 503, 507})
"""Too Many Requests, Service Unavailable, Insufficient Storage: no request is the cause."""


def may_pass(status: int) -> bool:
    """Return whether a later attempt may succeed: 408, 425, 429 and all codes from 500."""
    return status >= 500 or status in _PASSING


def retry_after(header: str, now_ms: int) -> float | None:
    """Return the seconds of a ``Retry-After`` header (RFC 9110, section 10.2.3). None when it is missing or damaged.

    ``now_ms`` is Unix time in milliseconds, for headers with a date.
    """
    if header.isdecimal():
        return float(header)
    try:
        when = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, when.timestamp() - now_ms / 1000)
