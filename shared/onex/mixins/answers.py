"""Answers of other services, of which only the status matters."""

from collections.abc import Mapping

import httpx

_ENOUGH = 65_536


async def post(
    client: httpx.AsyncClient, url: str, body: bytes, headers: Mapping[str, str], timeout: float
) -> httpx.Response:
    """The answer without its body. Raises httpx.TransportError.

    A short body is read, so that the connection can be used again. A longer one is not, whatever it is compressed to.
    """
    async with client.stream("POST", url, content=body, headers=headers, timeout=timeout) as response:
        read = 0
        async for part in response.aiter_raw():
            read += len(part)
            if read > _ENOUGH:
                break
    return response
