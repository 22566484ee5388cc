"""Connections that work with a server, and with a pooler in transaction mode before it, such as PgBouncer.

Behind such a pooler each transaction of a client may run on another connection of the server. So nothing may stay on
a connection between two of them: prepared statements, settings, session locks, ``LISTEN``.
"""

from dataclasses import dataclass

import asyncpg


async def is_pooled(connection: asyncpg.Connection) -> bool:
    """Whether something between client and server shares the server's connections.

    A server sends the number of the process that serves the connection. A pooler makes a number up.
    """
    return bool(await connection.fetchval("SELECT pg_backend_pid()") != connection.get_server_pid())


@dataclass(slots=True)
class _Connector:
    """Makes the connections of a pool. The first one shows whether there is a pooler."""

    name: str
    statement_timeout: float
    pooled: bool | None = None

    async def connect(self, *args: object, **given: object) -> asyncpg.Connection:
        """As asyncpg.connect, without what a pooler refuses or shares where there is one."""
        application = {"application_name": self.name}
        if self.pooled is not False:
            limit = self.statement_timeout
            connection = await asyncpg.connect(
                *args, **given, server_settings=application, statement_cache_size=0, command_timeout=limit
            )
            try:
                self.pooled = await is_pooled(connection)
            except BaseException:
                connection.terminate()
                raise
            if self.pooled:
                return connection
            await connection.close()
        timeout = {"statement_timeout": str(round(self.statement_timeout * 1000))}
        return await asyncpg.connect(*args, **given, server_settings=application | timeout)

    async def reset(self, connection: asyncpg.Connection) -> None:
        """Reset a connection that comes back to the pool; behind a pooler the statements would meet another's."""
        if not self.pooled:
            await connection.reset()


async def open_pool(
    url: str, name: str, *, min_size: int, max_size: int, connect_timeout: float, statement_timeout: float
) -> asyncpg.Pool:
    """Connect to ``url`` as application ``name``. Times are in seconds. Raise what asyncpg raises.

    Behind a pooler no statement stays prepared, and the client ends those that take too long, with a TimeoutError.
    """
    connector = _Connector(name, statement_timeout)
    return await asyncpg.create_pool(
        url,
        min_size=min_size,
        max_size=max_size,
        timeout=connect_timeout,
        connect=connector.connect,
        reset=connector.reset,
    )
