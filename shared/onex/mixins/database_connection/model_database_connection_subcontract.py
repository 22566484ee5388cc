"""Configuration of database connections."""

from typing import ClassVar

from pydantic import Field, SecretStr

from onex.capability import Subcontract
from onex.mixins.database import EnumPooler
from onex.model.contract.version import ModelSemVer


class ModelDatabaseConnectionSubcontract(Subcontract):
    """Where the database is."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    url: SecretStr = SecretStr("")
    """``postgresql://user:password@host:port/name``. Empty uses the agent's ``DATABASE_URL``."""
    connect_timeout_seconds: float = Field(default=10.0, gt=0, le=300)
    """Time limit for opening a connection, in seconds."""
    statement_timeout_seconds: float = Field(default=30.0, gt=0, le=3_600)
    """The server cancels longer statements. Behind a pooler such as PgBouncer the client cancels them."""
    pooler: EnumPooler = EnumPooler.AUTO
    """Whether a pooler shares the server's connections between transactions."""
