"""Schemas of the values in a changelog."""

import hashlib

from onex.wire.changelog import STATE

_SCHEMA_ID = slice(1, 5)
_SHORTEST = 5
"""Bytes of a magic 0 and a schema id, before the Avro body (Confluent wire format)."""


def fingerprint_of(text: str) -> str:
    """Return the SHA-256 of a schema in its canonical form."""
    return hashlib.sha256(text.encode()).hexdigest()


def schema_id_of(key: bytes, value: bytes) -> int | None:
    """Return the id of the schema of a value. None for timers, and for a state that is JSON."""
    if not key.startswith(STATE) or len(value) < _SHORTEST or value[0] != 0:
        return None
    return int.from_bytes(value[_SCHEMA_ID])
