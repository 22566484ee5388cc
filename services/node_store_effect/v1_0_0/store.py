"""Content-addressed storage in PostgreSQL and export to a folder."""

import hashlib
import json
import os
import shutil
import uuid
from pathlib import Path

import asyncpg

from node_store_effect.v1_0_0.models import StoreNode
from onex.node import RejectedError

TABLES = """
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


def digest_of(files: dict[str, str]) -> str:
    """Return the SHA-256 over paths and contents. Equal files have equal digests."""
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()


async def store(connection: asyncpg.Connection, command: StoreNode) -> str:
    """Insert artifact and generation, and return the digest. A repetition changes nothing."""
    digest = digest_of(command.files)
    await connection.execute(
        "INSERT INTO codegen_artifact (digest, name, version, files) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        digest,
        command.name,
        command.version,
        json.dumps(command.files),
    )
    await connection.execute(
        "INSERT INTO codegen_generation (generation_id, digest) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        command.generation_id,
        digest,
    )
    return digest


def export(root: Path, digest: str, files: dict[str, str]) -> Path:
    """Write all files or none below ``root/digest[:12]``, and return that folder. An existing folder is complete."""
    target = root / digest[:12]
    if target.exists():
        return target
    part = root / f".{digest[:12]}.{uuid.uuid4().hex}"
    try:
        for name, text in files.items():
            path = (part / name).resolve()
            if part.resolve() not in path.parents:
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
