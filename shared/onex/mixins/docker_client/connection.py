"""One client per event loop and configuration; ``SharedResources`` of the container has it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiodocker import Docker

from onex.mixins.docker_client.endpoint import Endpoint


@dataclass(frozen=True, slots=True)
class ConnectionKey:
    """What two connections must have in common to be one."""

    endpoint: Endpoint
    max_connections: int
    connect_timeout: float
    line_bytes: int
    api_version: str


@dataclass(slots=True)
class SharedConnection:
    """A client, and what its users know together."""

    key: ConnectionKey
    tls: ssl.SSLContext | None
    docker: Docker
    streams: asyncio.Semaphore
    version: str = ""
    """The version of the API, like ``1.41``. Empty before the first call and after an outage."""
    negotiating: asyncio.Lock = field(default_factory=asyncio.Lock)

    @asynccontextmanager
    async def separate(self) -> AsyncIterator[Docker]:
        """Return a client with a connection of its own, for one stream.

        aiodocker does not close the response of a stream that is left early. The end of this client does.
        """
        async with asyncio.timeout(self.key.connect_timeout):
            await self.streams.acquire()
        try:
            docker = opened(self.key, self.tls)
            docker.api_version = f"v{self.version}"
            try:
                yield docker
            finally:
                await closed(docker)
        finally:
            self.streams.release()


async def connected(key: ConnectionKey) -> SharedConnection:
    """Return a connection. The first call connects. Raise OSError for certificates that cannot be read."""
    tls = await asyncio.to_thread(key.endpoint.tls)
    return SharedConnection(key, tls, opened(key, tls), asyncio.Semaphore(key.max_connections))


async def disconnected(connection: SharedConnection) -> None:
    """Close all connections."""
    await closed(connection.docker)


def opened(key: ConnectionKey, tls: ssl.SSLContext | None) -> Docker:
    """Return a client. It connects with the first call."""
    connector: aiohttp.BaseConnector
    if key.endpoint.socket:
        connector = aiohttp.UnixConnector(key.endpoint.socket, limit=key.max_connections)
    else:
        connector = aiohttp.TCPConnector(limit=key.max_connections, ssl=tls or True)
    timeout = aiohttp.ClientTimeout(total=None, connect=key.connect_timeout)
    # Without `trust_env`: no proxy and no .netrc of the environment. The limit of a line is twice the buffer.
    session = aiohttp.ClientSession(connector=connector, timeout=timeout, read_bufsize=key.line_bytes // 2)
    # A connector that is passed in keeps aiodocker from reading DOCKER_TLS_VERIFY and contexts by itself.
    docker = Docker(url=key.endpoint.url, connector=connector, session=session, timeout=timeout)
    docker.docker_host = key.endpoint.url
    return docker


async def closed(docker: Docker) -> None:
    """Close a client and its connections."""
    await docker.close()
    await docker.session.close()
