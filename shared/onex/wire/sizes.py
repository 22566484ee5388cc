"""The size of a record on the wire, and its limits.

A topic's ``max.message.bytes`` limits a record batch as it is written: 61 bytes of header (KIP-98, message format 2)
and its records. Producers of the mesh never send a compressed batch that is larger than the uncompressed one, and
never close a batch above the smallest limit of their topics. So the uncompressed size of a batch with one record
decides whether the record fits.
"""

from onex.model.outgoing import DEFAULT_MAX_MESSAGE_BYTES, Headers

__all__ = ["DEFAULT_MAX_MESSAGE_BYTES", "LETTER_ROOM", "SETTING", "record_bytes", "too_large"]
LIMIT = "max.message.bytes"
"""The topic setting with the limit, in bytes."""
LETTER_ROOM = 131_072
"""Bytes by which the limit of retry and dead-letter topics exceeds that of the inputs: the engine adds headers."""
SETTING = "ONEX_MAX_MESSAGE_BYTES"
"""The setting that raises the limit of all topics and clients."""

_BATCH = 61
_RECORD = 18
"""Bytes: length (4), attributes, deltas of time and offset, lengths of key and value (4 each), number of headers (3).
Up to 128 MiB no varint is longer. A smaller record needs some bytes less."""
_HEADER = 6
"""Bytes: lengths of name (2) and value (4)."""


def record_bytes(value: bytes | None, key: bytes | None, headers: Headers) -> int:
    """Return the size in bytes of a batch with only this record: exact, or some bytes too large for each header."""
    size = _BATCH + _RECORD + len(value or b"") + len(key or b"")
    for name, text in headers:
        size += _HEADER + _text_bytes(name) + len(text or b"")
    return size


def too_large(topic: str, size: int, limit: int, what: str = "record") -> str:
    """Return the error text for a record that does not fit: its size, the limit, and the setting that raises it."""
    return (
        f"{what} for {topic} has {size} bytes with key and headers, and max.message.bytes of the topic is {limit}; "
        f"make it smaller, or raise {SETTING} and run `onex apply`"
    )


def _text_bytes(name: str) -> int:
    return len(name) if name.isascii() else len(name.encode(errors="surrogatepass"))
