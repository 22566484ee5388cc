"""Connection pools that work with a server, and with a pooler in transaction mode before it, such as PgBouncer.

Behind such a pooler each transaction of a client may run on another connection of the server. No state may stay on a
connection between two transactions: prepared statements, settings, session locks, ``LISTEN``.
"""

from dataclasses import dataclass

import asyncpg

from onex.postgres.measured_pool import MeasuredPool
from onex.postgres.session_features import TransactionConnection
from onex.util.clock import ProtocolClock


async def is_pooled(connection: asyncpg.Connection) -> bool:
    """Return whether a pooler shares the server's connections.

    A server sends the process id of the backend that serves the connection. A pooler sends an invented one.
    """
    return bool(await connection.fetchval("SELECT pg_backend_pid()") != connection.get_server_pid())


@dataclass(slots=True)
class _Connector:
    """Opens the connections of a pool. The first one detects a pooler, unless the caller passes ``pooled``."""

    name: str
    statement_timeout: float
    pooled: bool | None = None

    async def connect(self, *args: object, **options: object) -> asyncpg.Connection:
        """Connect as asyncpg.connect does. Behind a pooler, leave out features that it does not support."""
        application = {"application_name": self.name}
        if self.pooled is not False:
            connection = await asyncpg.connect(
                *args,
                **{**options, "connection_class": TransactionConnection},
                server_settings=application,
                statement_cache_size=0,
                command_timeout=self.statement_timeout,
            )
            if self.pooled is None:
                await self._detect(connection)
            if self.pooled:
                return connection
            await connection.close()
        timeout = {"statement_timeout": str(round(self.statement_timeout * 1000))}
        return await asyncpg.connect(*args, **options, server_settings=application | timeout)

    async def _detect(self, connection: asyncpg.Connection) -> None:
        try:
            self.pooled = await is_pooled(connection)
        except BaseException:
            connection.terminate()
            raise

    async def reset(self, connection: asyncpg.Connection) -> None:
        """Reset a connection that returns to the pool. Not behind a pooler: another client may use the connection."""
        if not self.pooled:
            await connection.reset()


async def open_pool(
    url: str,
    name: str,
    *,
    min_size: int,
    max_size: int,
    connect_timeout: float,
    statement_timeout: float,
    pooled: bool | None = None,
    leak_after: float = 0.0,
    clock: ProtocolClock | None = None,
) -> MeasuredPool:
    """Open a pool for ``url`` as application ``name``. Timeouts are in seconds. Raise the errors of asyncpg.

    ``pooled`` says whether there is a pooler in transaction mode; None detects it. Behind one, statements are not
    prepared, the client cancels slow ones with a TimeoutError, and session locks and LISTEN raise CompositionError.
    ``leak_after``: see :class:`MeasuredPool`.
    """
    connector = _Connector(name, statement_timeout, pooled)
    pool = MeasuredPool(
        url,
        min_size=min_size,
        max_size=max_size,
        timeout=connect_timeout,
        connect=connector.connect,
        reset=connector.reset,
        leak_after=leak_after,
        clock=clock,
    )
    await pool
    return pool
