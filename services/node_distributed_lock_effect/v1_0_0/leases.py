"""Leases as rows. Time is the database's; a token is never given twice, and each is larger than the last."""

import asyncpg

from node_distributed_lock_effect.v1_0_0.models import (
    AcquireLock,
    LockAcquired,
    LockDenied,
    LockLost,
    LockReleased,
    LockRenewed,
    ReleaseLock,
    RenewLock,
)

TABLES = """
CREATE TABLE IF NOT EXISTS onex_lock (
    name       text PRIMARY KEY,
    owner      text NOT NULL,
    token      bigint NOT NULL,
    expires_at timestamptz NOT NULL
);
"""


async def acquire(connection: asyncpg.Connection, command: AcquireLock) -> LockAcquired | LockDenied:
    """Take a free or expired lease, or one's own again."""
    row = await connection.fetchrow(
        "INSERT INTO onex_lock AS held (name, owner, token, expires_at) "
        "VALUES ($1, $2, 1, clock_timestamp() + $3 * interval '1 second') "
        "ON CONFLICT (name) DO UPDATE SET owner = $2, token = held.token + 1, expires_at = excluded.expires_at "
        "WHERE held.expires_at <= clock_timestamp() OR held.owner = $2 RETURNING token, expires_at",
        command.name,
        command.owner,
        command.ttl,
    )
    if row is not None:
        return LockAcquired(name=command.name, owner=command.owner, token=row["token"], expires_at=row["expires_at"])
    held = await connection.fetchrow("SELECT owner, expires_at FROM onex_lock WHERE name = $1", command.name)
    return LockDenied(name=command.name, holder=held["owner"], expires_at=held["expires_at"])


async def renew(connection: asyncpg.Connection, command: RenewLock) -> LockRenewed | LockLost:
    """Move the end of a lease that has not ended."""
    until = await connection.fetchval(
        "UPDATE onex_lock SET expires_at = clock_timestamp() + $3 * interval '1 second' "
        "WHERE name = $1 AND token = $2 AND expires_at > clock_timestamp() RETURNING expires_at",
        command.name,
        command.token,
        command.ttl,
    )
    if until is None:
        return LockLost(name=command.name, token=command.token)
    return LockRenewed(name=command.name, token=command.token, expires_at=until)


async def release(connection: asyncpg.Connection, command: ReleaseLock) -> LockReleased | LockLost:
    """End a lease now. The row stays: its token must not begin again at 1."""
    found = await connection.fetchval(
        "UPDATE onex_lock SET expires_at = clock_timestamp() "
        "WHERE name = $1 AND token = $2 AND expires_at > clock_timestamp() RETURNING token",
        command.name,
        command.token,
    )
    answer = LockLost if found is None else LockReleased
    return answer(name=command.name, token=command.token)
