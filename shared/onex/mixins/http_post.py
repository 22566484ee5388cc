"""HTTP requests of which only the status of the response matters."""

from collections.abc import Mapping

import httpx

_MAX_DRAINED_BYTES = 65_536


async def post(
    client: httpx.AsyncClient, url: str, body: bytes, headers: Mapping[str, str], timeout: float
) -> httpx.Response:
    """Send the request and return the response without its body. Raise httpx.TransportError."""
    async with client.stream("POST", url, content=body, headers=headers, timeout=timeout) as response:
        await drain(response)
    return response


async def drain(response: httpx.Response) -> None:
    """Read and drop up to 64 KiB of the body, as sent and still compressed, so that the connection can be reused."""
    drained_bytes = 0
    async for part in response.aiter_raw():
        drained_bytes += len(part)
        if drained_bytes > _MAX_DRAINED_BYTES:
            break
