"""Bodies of requests and responses, within limits."""

import json
import zlib

import httpx
from pydantic import BaseModel, JsonValue

from onex.errors import RejectedError, TransientError

_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_PLAIN = frozenset({"", "identity"})
_GZIP = frozenset({"gzip", "x-gzip"})
_FRAME_BYTES = 1024
"""A compressed body can be this much longer than its content: head and tail of gzip."""


def json_bytes(service: str, value: BaseModel | JsonValue) -> bytes:
    """Return a value as JSON. Raise RejectedError for a number that JSON does not have."""
    plain = value.model_dump(mode="json", by_alias=True) if isinstance(value, BaseModel) else value
    try:
        return json.dumps(plain, separators=(",", ":"), allow_nan=False).encode()
    except ValueError:
        raise RejectedError(f"{service}: JSON has no infinite numbers and no NaN") from None


async def read_body(service: str, response: httpx.Response, limit: int) -> bytes:
    """Return the body, decompressed. Read, and decompress, no more than ``limit`` bytes.

    Raise RejectedError for a longer body, and TransientError for one that is damaged or cut off.
    """
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in _PLAIN | _GZIP:
        raise RejectedError(f"{service}: the response is compressed in a way that was not requested")
    unpack = zlib.decompressobj(_GZIP_WINDOW) if encoding in _GZIP else None
    content, raw_bytes = bytearray(), 0
    async for part in response.aiter_raw():
        raw_bytes += len(part)
        content += part if unpack is None else _unpacked(service, unpack, part, limit + 1 - len(content))
        if len(content) > limit or raw_bytes > limit + _FRAME_BYTES:
            raise RejectedError(
                f"{service}: the response has more than {limit} bytes; "
                "http_client.max_response_bytes in the contract allows more"
            )
    if unpack is not None and raw_bytes and (not unpack.eof or unpack.unused_data):
        raise TransientError(f"{service}: the compressed response is cut off")
    return bytes(content)


def _unpacked(service: str, unpack: "zlib._Decompress", part: bytes, limit: int) -> bytes:
    try:
        return unpack.decompress(part, limit)
    except zlib.error:
        raise TransientError(f"{service}: the compressed response is damaged") from None
