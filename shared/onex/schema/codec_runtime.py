"""The functions that compiled codecs call: the parts of Avro that are not worth inlining."""

import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import NoReturn
from uuid import UUID

from pydantic import BaseModel

from onex.schema.decimals import read_decimal, write_decimal
from onex.schema.types import EPOCH

_LIMIT = 1 << 63


def zigzag(value: int) -> bytes:
    """Return the Avro long of an int. Raise OverflowError beyond 64 bits."""
    if not -_LIMIT <= value < _LIMIT:
        raise OverflowError("a whole number of more than 64 bits does not fit a long")
    shifted = (value << 1) ^ (value >> 63)
    out = bytearray()
    while shifted > 127:
        out.append(shifted & 127 | 128)
        shifted >>= 7
    out.append(shifted)
    return bytes(out)


_LAST = [bytes((n,)) for n in range(128)]
_MORE = [bytes((n | 128,)) for n in range(128)]
"""The bytes of varints: the last one, and those before it. Joining them is the fast way to make the tables below."""
_LOW = [first + second for second in _MORE for first in _MORE]
"""The first two bytes of a longer varint, by its lowest 14 bits."""


class _Zigzag(dict[int, bytes]):
    """``V[n]`` is the Avro long of n: one look-up for common values, a few look-ups for others."""

    def __missing__(self, value: int) -> bytes:
        if not 0 <= value < _LIMIT:
            return zigzag(value)
        low, high = value & 8191, value >> 13
        tail = b""
        while high >= 16384:
            tail += _LOW[high & 16383]
            high >>= 14
        return _LOW[low << 1] + tail + _PLAIN[high]


_PLAIN = _LAST + [first + last for last in _LAST[1:] for first in _MORE]
"""The varint of a number below 2^14."""
VARINTS = _Zigzag(enumerate(_PLAIN[::2] + [low + _LAST[1] for low in _LOW[::2]]))
VARINTS.update((value, zigzag(value)) for value in range(-256, 0))


def continue_varint(b: bytes, n: int, p: int) -> tuple[int, int]:
    """Continue a varint whose first byte ``n`` had its high bit set."""
    n &= 127
    shift = 7
    while True:
        byte = b[p]
        p += 1
        n |= (byte & 127) << shift
        if byte < 128:
            return n, p
        shift += 7
        if shift > 63:
            raise ValueError("varint is longer than 64 bits")


def read_long(b: bytes, n: int, p: int) -> tuple[int, int]:
    """Return a long, and the position after it. Its first byte ``n`` is not a small positive number."""
    if n > 127:  # as in continue_varint, but without the call: this is the path of times and counters
        n &= 127
        shift = 7
        while (byte := b[p]) > 127:
            n |= (byte & 127) << shift
            p += 1
            shift += 7
            if shift > 63:
                raise ValueError("varint is longer than 64 bits")
        n |= byte << shift
        p += 1
    return (n >> 1) ^ -(n & 1), p


def read_length(b: bytes, n: int, p: int) -> tuple[int, int]:
    """Return a length, still shifted by one bit, and the position after it. Raise ValueError for a negative one.

    Its first byte ``n`` is not a small length.
    """
    if n > 127:
        n, p = continue_varint(b, n, p)
    if n & 1:
        raise ValueError(f"negative length (varint {n})")
    return n, p


def read_count(b: bytes, p: int) -> tuple[int, int]:
    """Return the number of items in the next block of an array or map, and the position after it; 0 ends the array.

    The size of the block in bytes follows a negative count.
    """
    n = b[p]
    p += 1
    if n > 127:
        n, p = continue_varint(b, n, p)
    count = (n >> 1) ^ -(n & 1)
    if count < 0:
        n = b[p]
        p += 1
        if n > 127:
            n, p = continue_varint(b, n, p)
        count = -count
    if count > len(b) - p:
        raise ValueError(f"block claims {count} items in {len(b) - p} bytes")
    return count, p


def read_boolean(byte: int) -> bool:
    """Return an Avro boolean. Raise ValueError for any byte but 0 and 1."""
    if byte > 1:
        raise ValueError(f"{byte} is no boolean")
    return byte == 1


def bad_end(p: int, b: bytes) -> NoReturn:
    """Raise ValueError: the record ends before or after its bytes."""
    raise ValueError(f"record ends at byte {p} of {len(b)}")


def bad_branch(n: int) -> NoReturn:
    """Raise ValueError: the schema has no such branch of the union."""
    raise ValueError(f"unknown union branch (varint {n})")


def write_blocks(items: list[bytes]) -> bytes:
    """Return an array or map as a single block with the end mark."""
    return b"".join((VARINTS[len(items)], *items, b"\x00")) if items else b"\x00"


def read_uuid(text: str) -> UUID | str:
    """Return the UUID of a text. Any other text is returned as it is: pydantic refuses it, and names its field."""
    try:
        return UUID(text)
    except ValueError:
        return text


def load_timestamp(micros: int) -> datetime:
    """Return the UTC datetime of microseconds since 1970."""
    return EPOCH + timedelta(microseconds=micros)


def dump_timestamp(value: datetime) -> int:
    """Return the microseconds since 1970. Raise ValueError for a datetime without a time zone."""
    if value.utcoffset() is None:
        raise ValueError("a time without a time zone; use an aware datetime")
    return (value.astimezone(UTC) - EPOCH) // timedelta(microseconds=1)


def load_date(days: int) -> date:
    """Return the date of days since 1970."""
    return (EPOCH + timedelta(days=days)).date()


def dump_date(value: date) -> int:
    """Return the days since 1970."""
    return (value - EPOCH.date()).days


def _slot(name: str) -> Callable[[object, object], None]:
    """Return the setter of one of the four slots of every pydantic model. Faster than ``object.__setattr__``."""
    setter: Callable[[object, object], None] = BaseModel.__dict__[name].__set__
    return setter


RUNTIME: dict[str, object] = {
    "FALSE": b"\x00",
    "NULL": b"\x00",
    "TRUE": b"\x01",
    "V": VARINTS,
    "bad_branch": bad_branch,
    "bad_end": bad_end,
    "dump_date": dump_date,
    "dump_timestamp": dump_timestamp,
    "join": b"".join,
    "load_date": load_date,
    "load_timestamp": load_timestamp,
    "new": object.__new__,
    "put_extra": _slot("__pydantic_extra__"),
    "put_fields": _slot("__dict__"),
    "put_fields_set": _slot("__pydantic_fields_set__"),
    "put_private": _slot("__pydantic_private__"),
    "read_boolean": read_boolean,
    "read_count": read_count,
    "read_decimal": read_decimal,
    "read_double": struct.Struct("<d").unpack_from,
    "read_length": read_length,
    "read_long": read_long,
    "read_uuid": read_uuid,
    "write_blocks": write_blocks,
    "write_decimal": write_decimal,
    "write_double": struct.Struct("<d").pack,
}
