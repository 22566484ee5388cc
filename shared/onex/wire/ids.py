"""Ids of messages: which of them a sender may choose, and how an engine makes the others.

Every id that is made follows from the work: the same work has the same id, however often it runs.
"""

from functools import lru_cache
from hashlib import blake2b
from typing import Final, Protocol
from uuid import UUID

from onex.model.topic import is_retry_topic
from onex.wire.record import ProtocolRecord

LONGEST_ID: Final = 512
"""Bytes."""
MADE_UP: Final = b"onex-record:"
"""Prefix of ids that an engine makes up for records without one."""
_UUID_BYTES: Final = 16


class IdDigest(Protocol):
    """A digest that is copied for each message: it contains the part that all ids of an output share."""

    def copy(self) -> "IdDigest": ...
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


@lru_cache(maxsize=10_000)
def output_digest(node: bytes, index: int) -> IdDigest:
    """Return the digest of the output ``index`` of a node. With the id of the input, it is the id of the output."""
    return blake2b(b"%b|%d|" % (node, index), digest_size=16)


def derived_id(*parts: str | bytes) -> str:
    """Return the id that follows from these parts: of a workflow's command, an outbox event or a progress event."""
    encoded = (part if isinstance(part, bytes) else part.encode() for part in parts)
    return blake2b(b"|".join(encoded), digest_size=16).hexdigest()


def replay_id(dead_letter: str, number: int) -> str:
    """Return the id of a replay, from the identity of the dead letter and the number of the replay, from 1."""
    return blake2b(f"{dead_letter}|{number}".encode(), digest_size=8).hexdigest()


def clean_id(raw: bytes | None) -> bytes | None:
    """Return the id as it is carried on; None for one that counts as absent."""
    if not raw or len(raw) > LONGEST_ID:
        return None
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = "\0"
    if not any(ord(sign) < 0x20 or 0x7F <= ord(sign) < 0xA0 for sign in text):
        return raw
    return str(UUID(bytes=raw)).encode() if len(raw) == _UUID_BYTES else None


def made_up_id(record: ProtocolRecord) -> bytes:
    """Return the id of a record whose sender sent no valid one: its place, in a form that no sender may use."""
    return b"%b%b-%d-%d" % (MADE_UP, record.topic().encode(), record.partition(), record.offset())


def message_id(record: ProtocolRecord, raw: bytes | None) -> bytes:
    """Return the id under which a record is carried on. ``raw`` is its ``ce_id`` header."""
    sent = clean_id(raw)
    # Only on a retry topic a record has the made-up id of the place that it was moved or replayed from.
    if sent is None or (sent.startswith(MADE_UP) and not is_retry_topic(record.topic())):
        return made_up_id(record)
    return sent


def readable(key: bytes) -> bytes:
    """Return a record key as a part of an id: in hexadecimal digits when it could not be an id itself."""
    return key if clean_id(key) == key else key.hex().encode()
