"""The SQL of the projections."""

import asyncpg

from node_postgres_adapter_effect.v1_0_0.models import (
    DeleteProjection,
    ProjectionDeleted,
    ProjectionQueried,
    ProjectionUpserted,
    QueryProjection,
    UpsertProjection,
)

TABLES = """
CREATE TABLE IF NOT EXISTS onex_projection (
    projection text NOT NULL,
    key        text NOT NULL,
    sequence   bigint NOT NULL,
    document   jsonb NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (projection, key)
);
"""
_UPSERT = """
INSERT INTO onex_projection AS old (projection, key, sequence, document) VALUES ($1, $2, $3, $4)
ON CONFLICT (projection, key) DO UPDATE
    SET sequence = excluded.sequence, document = excluded.document, updated_at = now()
    WHERE old.sequence < excluded.sequence
RETURNING 1
"""
_DELETE = "DELETE FROM onex_projection WHERE projection = $1 AND key = $2 AND sequence <= $3 RETURNING 1"
_QUERY = """
SELECT key, document FROM onex_projection
WHERE projection = $1 AND starts_with(key, $2)
  AND NOT EXISTS (
      SELECT FROM unnest($3::text[], $4::text[]) AS wanted (field, value)
      WHERE document #>> string_to_array(field, '.') IS DISTINCT FROM value)
ORDER BY key LIMIT $5
"""


async def upsert(connection: asyncpg.Connection, command: UpsertProjection) -> ProjectionUpserted:
    """Store a document, unless the stored one is newer."""
    applied = await connection.fetchval(_UPSERT, command.projection, command.key, command.sequence, command.document)
    return ProjectionUpserted(
        projection=command.projection, key=command.key, sequence=command.sequence, applied=applied is not None
    )


async def delete(connection: asyncpg.Connection, command: DeleteProjection) -> ProjectionDeleted:
    """Delete a document, unless it is newer than the command."""
    applied = await connection.fetchval(_DELETE, command.projection, command.key, command.sequence)
    return ProjectionDeleted(
        projection=command.projection, key=command.key, sequence=command.sequence, applied=applied is not None
    )


async def query(pool: asyncpg.Pool, command: QueryProjection) -> ProjectionQueried:
    """Return the documents that match. A field may be a dotted path into the document."""
    rows = await pool.fetch(
        _QUERY,
        command.projection,
        command.key_prefix,
        list(command.where),
        list(command.where.values()),
        command.limit,
    )
    return ProjectionQueried(projection=command.projection, documents={row["key"]: row["document"] for row in rows})
