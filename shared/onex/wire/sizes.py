"""How large a record is on the wire, and how large one may be.

A topic's ``max.message.bytes`` bounds a record batch as it is written: 61 bytes of header (KIP-98, message format 2)
and its records. Producers of the mesh never send a compressed batch that is larger than the plain one, and never
close a batch above the smallest limit of their topics, so the plain size of a record alone in its batch decides.
"""

from onex.model.outgoing import DEFAULT_MAX_MESSAGE_BYTES, Headers

__all__ = ["DEFAULT_MAX_MESSAGE_BYTES", "LETTER_ROOM", "SETTING", "record_bytes", "too_large"]
LIMIT = "max.message.bytes"
"""The setting of a topic."""
LETTER_ROOM = 131_072
"""Bytes by which retry and dead-letter topics take larger records than inputs: the engine adds headers."""
SETTING = "ONEX_MAX_MESSAGE_BYTES"
"""Raises the limit of all topics and clients."""

_BATCH = 61
_RECORD = 18
"""Length (4), attributes, deltas of time and offset, lengths of key and value (4 each), number of headers (3). Up to
128 MiB no varint is longer; a smaller record needs some bytes less."""
_HEADER = 6
"""Lengths of name (2) and value (4)."""


def record_bytes(value: bytes | None, key: bytes | None, headers: Headers) -> int:
    """Bytes of a batch that holds one such record alone: exact, or some bytes too many for each header."""
    size = _BATCH + _RECORD + len(value or b"") + len(key or b"")
    for name, text in headers:
        size += _HEADER + _text_bytes(name) + len(text or b"")
    return size


def too_large(topic: str, size: int, limit: int, what: str = "record") -> str:
    """Words for a record that does not fit: its size, the limit, and the setting that raises it."""
    return (
        f"{what} for {topic} has {size} bytes with key and headers, and max.message.bytes of the topic is {limit}; "
        f"make it smaller, or raise {SETTING} and run `onex apply`"
    )


def _text_bytes(name: str) -> int:
    return len(name) if name.isascii() else len(name.encode(errors="surrogatepass"))
