"""Configuration of databases."""

from enum import StrEnum
from typing import ClassVar, Self

from pydantic import Field, SecretStr, model_validator

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class EnumIsolation(StrEnum):
    """How far transactions see each other. PostgreSQL treats the first one like the second."""

    READ_UNCOMMITTED = "READ_UNCOMMITTED"
    READ_COMMITTED = "READ_COMMITTED"
    REPEATABLE_READ = "REPEATABLE_READ"
    SERIALIZABLE = "SERIALIZABLE"


class ModelDatabaseSubcontract(Subcontract):
    """Which database, and how it is used. Sources: seeds 000 and 001, MixinDatabase."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    url: SecretStr = SecretStr("")
    """``postgresql://user:password@host:port/name``; empty: the one of the agent, ``DATABASE_URL``."""
    pool_min: int = Field(default=1, ge=0, le=1_000)
    """Connections that are kept open."""
    pool_max: int = Field(default=10, ge=1, le=1_000)
    """Connections at the most; who wants one more waits."""
    connect_timeout_seconds: float = Field(default=10.0, gt=0, le=300)
    """Until a connection must stand."""
    acquire_timeout_seconds: float = Field(default=10.0, gt=0, le=300)
    """How long one waits for a connection of the pool."""
    statement_timeout_seconds: float = Field(default=30.0, gt=0, le=3_600)
    """The server ends statements that take longer; behind a pooler such as PgBouncer the client does."""
    isolation: EnumIsolation = EnumIsolation.READ_COMMITTED
    """Of transactions that do not say otherwise."""
    serialization_retries: int = Field(default=5, ge=0, le=100)
    """How often ``run`` does a transaction again that the server gave up for the sake of another one."""
    retry_delay_seconds: float = Field(default=0.02, ge=0, le=10)
    """Before that, and at random up to twice as long; it doubles with each further time."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.pool_min > self.pool_max:
            raise ValueError(f"pool_min ({self.pool_min}) is above pool_max ({self.pool_max})")
        return self
