"""The short form of a dead letter, for a record or an exception of which no full form can be made or written.

It holds the location of the record, the reason, and as much of the record as fits. Code of the exception's author
runs only where its errors are caught.
"""

from collections.abc import Mapping
from typing import Final

from onex.agent.failure.classify import Failure
from onex.bus.protocols import Emitted, ProtocolRecord
from onex.util.error_text import text_of
from onex.wire import headers as h
from onex.wire.sizes import record_bytes

_FOR_KEY: Final = 65_536
_FOR_HEADERS: Final = 32_768
"""Bytes of key and headers in the short form, in a small topic an eighth each; the value gets the remaining bytes."""
_FOR_FACT: Final = 64
_TYPE_LIMIT: Final = 200
_MESSAGE_LIMIT: Final = 300


def short_letter(
    topic: str, record: ProtocolRecord, failure: Failure, origin: Mapping[str, bytes], most: int
) -> Emitted:
    """Return the short form, in at most ``most`` bytes. Headers ``onex-dlq-truncated*`` have the original sizes."""
    value, key = record.value(), record.key()
    headers = h.without_credentials(h.of_sender(record.headers() or []))
    facts: dict[str, str | int] = {
        "class": str(failure.kind),
        "stage": str(failure.stage),
        "exception": _name_of(type(failure.error)),
        "message": text_of(failure.error, _MESSAGE_LIMIT),
        "attempts": failure.attempts,
        "first-failed": failure.first_failed_ms,
        "last-failed": failure.last_failed_ms,
    }
    room = min(_FOR_KEY, most // 8)
    if key is not None and len(key) > room:
        facts["truncated-key"], key = len(key), key[:room]
    if (size := record_bytes(None, None, headers)) > min(_FOR_HEADERS, most // 8):
        facts["truncated-headers"], headers = size, []
    headers += origin.items()
    headers += [(h.DEAD_LETTER + name, str(fact).encode(errors="backslashreplace")) for name, fact in facts.items()]
    if value is not None and (excess := record_bytes(value, key, headers) - most) > 0:
        headers.append((h.DEAD_LETTER + "truncated", b"%d" % len(value)))
        value = value[: max(0, len(value) - excess - _FOR_FACT)]
    return topic, value, key, headers


def _name_of(kind: type[BaseException]) -> str:
    """Return the name of a class, without running code of its metaclass."""
    return str(type.__dict__["__name__"].__get__(kind))[:_TYPE_LIMIT]
