"""Formats of texts. Each check takes time in proportion to the text at most, and refuses texts that are too long."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from enum import StrEnum
from ipaddress import ip_address
from types import MappingProxyType

_LONGEST = 2_048
"""Characters of a text that can have a format."""
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_MAILBOX = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,62}:[!#-;=?-\[\]_a-z~]+")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LONGEST_HOST = 253


class EnumFormat(StrEnum):
    """Formats of texts."""

    DATE = "date"
    """A day of RFC 3339: ``2026-01-31``."""
    DATE_TIME = "date_time"
    """A time of RFC 3339, with its zone: ``2026-01-31T12:00:00Z``."""
    EMAIL = "email"
    """An address of the HTML standard: one ``@``, no quotes, no comments."""
    HOSTNAME = "hostname"
    """A name of RFC 1123, in ASCII."""
    IPV4 = "ipv4"
    IPV6 = "ipv6"
    URI = "uri"
    """A scheme, a colon, and the characters of RFC 3986."""
    UUID = "uuid"
    """32 hexadecimal digits in five groups."""


def has_format(text: str, wanted: EnumFormat) -> bool:
    """Return whether the whole text has the format."""
    return len(text) <= _LONGEST and _CHECKS[wanted](text)


def _is_date(text: str) -> bool:
    return _DATE.fullmatch(text) is not None and _parses(date.fromisoformat, text)


def _is_date_time(text: str) -> bool:
    return _DATE_TIME.fullmatch(text) is not None and _parses(datetime.fromisoformat, text)


def _is_host(text: str) -> bool:
    return len(text) <= _LONGEST_HOST and all(_LABEL.fullmatch(label) for label in text.split("."))


def _is_email(text: str) -> bool:
    mailbox, _, host = text.partition("@")
    return _MAILBOX.fullmatch(mailbox) is not None and _is_host(host)


def _is_address(version: int) -> Callable[[str], bool]:
    return lambda text: "%" not in text and _parses(ip_address, text) and ip_address(text).version == version


def _parses(parse: Callable[[str], object], text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


_CHECKS: Mapping[EnumFormat, Callable[[str], bool]] = MappingProxyType(
    {
        EnumFormat.DATE: _is_date,
        EnumFormat.DATE_TIME: _is_date_time,
        EnumFormat.EMAIL: _is_email,
        EnumFormat.HOSTNAME: _is_host,
        EnumFormat.IPV4: _is_address(4),
        EnumFormat.IPV6: _is_address(6),
        EnumFormat.URI: lambda text: _URI.fullmatch(text) is not None,
        EnumFormat.UUID: lambda text: _UUID.fullmatch(text) is not None,
    }
)
