"""The short form of a dead letter: for a record or an exception of which no full form can be made or written.

It holds where the record is, why it failed, and as much of the record as fits. Nothing here runs code of the
exception's author outside of a guard.
"""

from collections.abc import Mapping
from typing import Final

from onex.agent.failure import Failure, text_of
from onex.bus import headers as h
from onex.bus.protocols import Emitted, Headers, ProtocolRecord

_RECORD_OVERHEAD: Final = 128
_HEADER_OVERHEAD: Final = 16
"""Upper bounds of what Kafka's record format adds: varint lengths, batch header."""
_FOR_VALUE: Final = 1_048_576
_FOR_KEY: Final = 65_536
_FOR_HEADERS: Final = 32_768
"""Bytes of value, key and headers that the short form keeps. Together they fit the smallest dead-letter topic."""
_TYPE_LIMIT: Final = 200
_MESSAGE_LIMIT: Final = 300


def size_of(letter: Emitted) -> int:
    """Bytes of a record as the broker counts them, at most."""
    _, value, key, headers = letter
    return _RECORD_OVERHEAD + len(value or b"") + len(key or b"") + _size_of(headers)


def _size_of(headers: Headers) -> int:
    return sum(len(name.encode(errors="replace")) + len(raw or b"") + _HEADER_OVERHEAD for name, raw in headers)


def short_letter(topic: str, record: ProtocolRecord, failure: Failure, whose: Mapping[str, bytes]) -> Emitted:
    """The short form. Its headers ``onex-dlq-truncated*`` say how large the parts were that are cut."""
    value, key = record.value(), record.key()
    headers = h.of_sender(record.headers() or [])
    facts: dict[str, str | int] = {
        "class": str(failure.kind),
        "stage": str(failure.stage),
        "exception": _name_of(type(failure.error)),
        "message": text_of(failure.error, _MESSAGE_LIMIT),
        "attempts": failure.attempts,
        "first-failed": failure.first_failed_ms,
        "last-failed": failure.last_failed_ms,
    }
    if value is not None and len(value) > _FOR_VALUE:
        facts["truncated"], value = len(value), value[:_FOR_VALUE]
    if key is not None and len(key) > _FOR_KEY:
        facts["truncated-key"], key = len(key), key[:_FOR_KEY]
    if (size := _size_of(headers)) > _FOR_HEADERS:
        facts["truncated-headers"], headers = size, []
    headers += whose.items()
    headers += [(h.DEAD_LETTER + name, str(fact).encode(errors="backslashreplace")) for name, fact in facts.items()]
    return topic, value, key, headers


def _name_of(kind: type[BaseException]) -> str:
    """Name of a class, past whatever its metaclass does."""
    return str(type.__dict__["__name__"].__get__(kind))[:_TYPE_LIMIT]
