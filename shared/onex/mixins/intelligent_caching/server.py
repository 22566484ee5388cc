"""The connection to a Redis-compatible server. One client per process and configuration."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from redis.asyncio import BlockingConnectionPool, Connection, Redis, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from typing_extensions import override

from onex.mixins.intelligent_caching.url import Address

Word = str | bytes | int


class ProtocolServer(Protocol):
    """Commands of a server."""

    async def call(self, *words: Word) -> object:
        """Return the reply as redis-py has it, with bytes for texts. Raise any exception for a failure."""
        ...


@dataclass(frozen=True, slots=True)
class ServerKey:
    """What two clients must have in common to be one."""

    address: Address
    ca_file: str
    max_connections: int
    timeout: float


class RedisServer(ProtocolServer):
    """A pool of redis-py. It connects with the first call."""

    def __init__(self, key: ServerKey) -> None:
        address = key.address
        pool = partial(
            BlockingConnectionPool,
            max_connections=key.max_connections,
            timeout=key.timeout,
            host=address.host,
            port=address.port,
            db=address.database,
            username=address.user or None,
            password=address.password or None,
            socket_timeout=key.timeout,
            socket_connect_timeout=key.timeout,
            # A connection that the server has closed since its last use is opened again.
            retry=Retry(NoBackoff(), 1),
            # All servers speak version 2 of the protocol.
            protocol=2,
        )
        if address.is_tls:
            self._pool = pool(
                connection_class=SSLConnection,
                ssl_cert_reqs="required",
                ssl_check_hostname=True,
                ssl_ca_certs=key.ca_file or None,
            )
        else:
            self._pool = pool(connection_class=Connection)
        self._execute: Callable[..., Awaitable[object]] = Redis(connection_pool=self._pool).execute_command

    @override
    async def call(self, *words: Word) -> object:
        return await self._execute(*words)

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.disconnect()


async def connected(key: ServerKey) -> RedisServer:
    """Return a client."""
    return RedisServer(key)


async def disconnected(server: RedisServer) -> None:
    """Close a client."""
    await server.close()
