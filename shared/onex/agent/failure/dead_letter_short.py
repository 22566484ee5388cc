"""The short form of a dead letter: for a record or an exception of which no full form can be made or written.

It holds where the record is, why it failed, and as much of the record as fits. Nothing here runs code of the
exception's author outside of a guard.
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
"""Bytes of key and headers that the short form keeps, in a small topic an eighth each; the value gets the rest."""
_FOR_FACT: Final = 64
_TYPE_LIMIT: Final = 200
_MESSAGE_LIMIT: Final = 300


def short_letter(
    topic: str, record: ProtocolRecord, failure: Failure, whose: Mapping[str, bytes], most: int
) -> Emitted:
    """The short form, in ``most`` bytes. Headers ``onex-dlq-truncated*`` give the sizes of what is cut."""
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
    headers += whose.items()
    headers += [(h.DEAD_LETTER + name, str(fact).encode(errors="backslashreplace")) for name, fact in facts.items()]
    if value is not None and (excess := record_bytes(value, key, headers) - most) > 0:
        headers.append((h.DEAD_LETTER + "truncated", b"%d" % len(value)))
        value = value[: max(0, len(value) - excess - _FOR_FACT)]
    return topic, value, key, headers


def _name_of(kind: type[BaseException]) -> str:
    """Name of a class, past whatever its metaclass does."""
    return str(type.__dict__["__name__"].__get__(kind))[:_TYPE_LIMIT]
