"""What envelope headers of a sender must look like to be carried on. Anything else counts as absent.

- Ids (``ce_id``, correlation, causation, answer-to, idempotency key): text in UTF-8 without control characters, of at
  most 512 bytes. Sixteen bytes that are no text are a raw UUID and become its text form, so that the correlation
  survives. An id that is absent gets the value that its absence means: a made-up id, or the id of the message.
- An id or idempotency key that begins with ``onex-record:`` counts as absent: engines make such ids up for records
  that have none, so a sender could claim the id of another's record. As a correlation id it is carried on.
- ``traceparent``: W3C Trace Context, section 3.2. One that is not valid is dropped together with its ``tracestate``.
- ``tracestate``: printable ASCII of at most 512 bytes, the length that each participant must carry on (3.3.1.5).
- Deadline: at most 15 digits, milliseconds since 1970.
- Reply key: any bytes, because it is the key of a record.
"""

import re
from collections.abc import Iterable
from typing import Final
from uuid import UUID

LONGEST_ID: Final = 512
"""Bytes."""
MADE_UP: Final = b"onex-record:"
"""How ids begin that an engine makes up for records without one."""
_PRINTABLE: Final = bytes(range(0x20, 0x7F))
_UUID_BYTES: Final = 16
_TRACE_PARENT: Final = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-[ -~]{0,256})?"
)
_VERSION_0_LENGTH: Final = 55
_TRACE_STATE: Final = re.compile(rb"[ -~]{1,512}")
_DEADLINE: Final = re.compile(rb"[0-9]{1,15}")


def are_plain(ids: Iterable[bytes]) -> bool:
    """Whether all of these are printable ASCII and short, as nearly all ids are, and none is made up."""
    found = list(ids)
    try:
        text = b"".join(found)
    except TypeError:
        return False
    return (
        MADE_UP not in text and not text.translate(None, _PRINTABLE) and max(map(len, found), default=0) <= LONGEST_ID
    )


def clean_id(raw: bytes | None) -> bytes | None:
    """The id as it is carried on; None where it counts as absent."""
    if not raw or len(raw) > LONGEST_ID:
        return None
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = "\0"
    if not any(ord(sign) < 0x20 or 0x7F <= ord(sign) < 0xA0 for sign in text):
        return raw
    return str(UUID(bytes=raw)).encode() if len(raw) == _UUID_BYTES else None


def is_trace_parent(raw: bytes) -> bool:
    """Whether a ``traceparent`` is valid. Later versions may be longer, version 00 may not."""
    return _TRACE_PARENT.fullmatch(raw) is not None and (len(raw) == _VERSION_0_LENGTH or raw[:2] != b"00")


def is_trace_state(raw: bytes | None) -> bool:
    """Whether a ``tracestate`` can be carried on."""
    return raw is not None and _TRACE_STATE.fullmatch(raw) is not None


def is_deadline(raw: bytes) -> bool:
    """Whether a deadline is a time."""
    return _DEADLINE.fullmatch(raw) is not None


def readable(key: bytes) -> bytes:
    """A record key as part of an id: in hexadecimal digits where it could not be an id itself."""
    return key if clean_id(key) == key else key.hex().encode()
