"""Leases as rows. The clock of the database counts. Each token of a lease is larger than the one before."""

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
    """Acquire a lease that is free, expired or already the owner's, with a new token."""
    row = await connection.fetchrow(
        "INSERT INTO onex_lock AS lease (name, owner, token, expires_at) "
        "VALUES ($1, $2, 1, clock_timestamp() + $3 * interval '1 second') "
        "ON CONFLICT (name) DO UPDATE SET owner = $2, token = lease.token + 1, expires_at = excluded.expires_at "
        "WHERE lease.expires_at <= clock_timestamp() OR lease.owner = $2 RETURNING token, expires_at",
        command.name,
        command.owner,
        command.ttl,
    )
    if row is not None:
        return LockAcquired(name=command.name, owner=command.owner, token=row["token"], expires_at=row["expires_at"])
    lease = await connection.fetchrow("SELECT owner, expires_at FROM onex_lock WHERE name = $1", command.name)
    return LockDenied(name=command.name, holder=lease["owner"], expires_at=lease["expires_at"])


async def renew(connection: asyncpg.Connection, command: RenewLock) -> LockRenewed | LockLost:
    """Extend a lease that has not expired."""
    expires_at = await connection.fetchval(
        "UPDATE onex_lock SET expires_at = clock_timestamp() + $3 * interval '1 second' "
        "WHERE name = $1 AND token = $2 AND expires_at > clock_timestamp() RETURNING expires_at",
        command.name,
        command.token,
        command.ttl,
    )
    if expires_at is None:
        return LockLost(name=command.name, token=command.token)
    return LockRenewed(name=command.name, token=command.token, expires_at=expires_at)


async def release(connection: asyncpg.Connection, command: ReleaseLock) -> LockReleased | LockLost:
    """End a lease. The row stays, because its tokens must not start at 1 again."""
    token = await connection.fetchval(
        "UPDATE onex_lock SET expires_at = clock_timestamp() "
        "WHERE name = $1 AND token = $2 AND expires_at > clock_timestamp() RETURNING token",
        command.name,
        command.token,
    )
    event = LockLost if token is None else LockReleased
    return event(name=command.name, token=command.token)
