"""Content-addressed storage in PostgreSQL and export to a folder."""

import hashlib
import json
import os
import shutil
import uuid
from pathlib import Path

import asyncpg

from onex.node import RejectedError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS codegen_artifact (
    digest     text PRIMARY KEY,
    name       text NOT NULL,
    version    text NOT NULL,
    files      jsonb NOT NULL,
    stored_at  timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS codegen_generation (
    generation_id text PRIMARY KEY,
    digest        text NOT NULL REFERENCES codegen_artifact
);
"""
_SCHEMA_LOCK = 7_001_001
"""Advisory lock: two instances that start at once must not both create the tables."""


def digest_of(files: dict[str, str]) -> str:
    """SHA-256 over paths and contents; the same files have the same digest."""
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()


async def create_tables(pool: asyncpg.Pool) -> None:
    """Make the tables; safe to run at every start."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _SCHEMA_LOCK)
        await connection.execute(_SCHEMA)


async def store(pool: asyncpg.Pool, generation_id: str, name: str, version: str, files: dict[str, str]) -> str:
    """Insert artifact and generation; a repetition changes nothing. Gives the digest."""
    digest = digest_of(files)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(
            "INSERT INTO codegen_artifact (digest, name, version, files) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT DO NOTHING",
            digest,
            name,
            version,
            json.dumps(files),
        )
        await connection.execute(
            "INSERT INTO codegen_generation (generation_id, digest) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            generation_id,
            digest,
        )
    return digest


def export(root: Path, digest: str, files: dict[str, str]) -> Path:
    """Write the files below ``root/digest[:12]``, all or nothing; a folder that is there is right already."""
    target = root / digest[:12]
    if target.exists():
        return target
    part = root / f".{digest[:12]}.{uuid.uuid4().hex}"
    try:
        for name, text in files.items():
            path = (part / name).resolve()
            if not path.is_relative_to(part.resolve()):
                raise RejectedError(f"{name!r} leads out of the package")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        os.replace(part, target)
    except OSError:
        if not target.exists():
            raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return target
