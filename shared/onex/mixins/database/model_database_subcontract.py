"""Configuration of databases."""

from enum import StrEnum
from typing import ClassVar, Self

from pydantic import Field, SecretStr, model_validator

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class EnumIsolation(StrEnum):
    """Isolation levels. PostgreSQL treats READ_UNCOMMITTED as READ_COMMITTED."""

    READ_UNCOMMITTED = "READ_UNCOMMITTED"
    READ_COMMITTED = "READ_COMMITTED"
    REPEATABLE_READ = "REPEATABLE_READ"
    SERIALIZABLE = "SERIALIZABLE"


class EnumPooler(StrEnum):
    """What is between the node and PostgreSQL."""

    AUTO = "AUTO"
    """The first connection detects a pooler in transaction mode."""
    NONE = "NONE"
    """The server itself, or a pooler in session mode."""
    TRANSACTION = "TRANSACTION"
    """A pooler in transaction mode, such as PgBouncer. Statements are not prepared; session locks and LISTEN are
    refused."""


class ModelDatabaseSubcontract(Subcontract):
    """The database, its pool and its transactions. Nodes of one process with equal pools share one."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=2, patch=0)

    url: SecretStr = SecretStr("")
    """``postgresql://user:password@host:port/name``. Empty uses the agent's ``DATABASE_URL``."""
    pool_min: int = Field(default=1, ge=0, le=1_000)
    """Connections that stay open."""
    pool_max: int = Field(default=10, ge=1, le=1_000)
    """Most connections. Further callers wait."""
    connect_timeout_seconds: float = Field(default=10.0, gt=0, le=300)
    """Time limit for opening a connection, in seconds."""
    acquire_timeout_seconds: float = Field(default=10.0, gt=0, le=300)
    """Seconds that a caller waits for a free connection."""
    statement_timeout_seconds: float = Field(default=30.0, gt=0, le=3_600)
    """The server cancels longer statements. Behind a pooler such as PgBouncer the client cancels them."""
    isolation: EnumIsolation = EnumIsolation.READ_COMMITTED
    """Default isolation level of transactions."""
    serialization_retries: int = Field(default=5, ge=0, le=100)
    """Repetitions by ``run`` of a transaction that the server rolled back because of a concurrent one."""
    retry_delay_seconds: float = Field(default=0.02, ge=0, le=10)
    """Delay before the first repetition. It doubles with each further one; a random part of up to this value is
    added."""

    pooler: EnumPooler = EnumPooler.AUTO
    """Whether a pooler shares the server's connections between transactions."""
    leak_after_seconds: float = Field(default=0.0, ge=0, le=86_400)
    """Log a connection that is not returned after this time, once, with the stack that took it. 0 keeps no stacks."""
    check_interval_seconds: float = Field(default=5.0, ge=0.1, le=300)
    """Time between two checks by the agent. While the check fails the agent is not ready, and messages wait."""
    check_timeout_seconds: float = Field(default=5.0, gt=0, le=300)
    """A check that takes longer has failed."""
    check_failures: int = Field(default=1, ge=1, le=10)
    """Consecutive failures after which the agent is not ready."""
    check_critical: bool = True
    """Whether the agent is not ready while the check fails. With False it is degraded, and ready; messages that need
    the database wait nevertheless."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.pool_min > self.pool_max:
            raise ValueError(f"pool_min ({self.pool_min}) is above pool_max ({self.pool_max})")
        return self
