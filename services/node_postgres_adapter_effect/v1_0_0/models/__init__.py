"""Messages of the PostgreSQL adapter."""

from typing import Annotated

from pydantic import Field

from onex.node import Message

Projection = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=63)]
"""Name of a read model."""


class UpsertProjection(Message, key="key"):
    """Store a document under its key, unless the stored one is newer."""

    projection: Projection
    key: str
    sequence: int = Field(ge=0)
    """Grows with every change of a key. A lower number never overwrites a higher one."""
    document: str
    """A JSON object."""


class ProjectionUpserted(Message, key="key"):
    """``applied`` is false when the stored document was newer."""

    projection: Projection
    key: str
    sequence: int
    applied: bool


class DeleteProjection(Message, key="key"):
    """Remove a document, unless it is newer than ``sequence``."""

    projection: Projection
    key: str
    sequence: int = Field(ge=0)


class ProjectionDeleted(Message, key="key"):
    """``applied`` is false when there was no document, or a newer one."""

    projection: Projection
    key: str
    sequence: int
    applied: bool


class QueryProjection(Message):
    """Return documents of a projection whose fields equal ``where`` (compared as text), in key order."""

    projection: Projection
    key_prefix: str = ""
    where: dict[str, str] = Field(default_factory=dict)
    limit: int = Field(default=100, ge=1, le=10_000)


class ProjectionQueried(Message):
    """The documents found, as JSON, by key."""

    projection: Projection
    documents: dict[str, str]
