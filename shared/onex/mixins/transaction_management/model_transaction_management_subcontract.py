"""Configuration of transactions of the database."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.mixins.database import EnumIsolation
from onex.model.contract.version import ModelSemVer


class ModelTransactionManagementSubcontract(Subcontract):
    """How transactions run."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    isolation_level: EnumIsolation = EnumIsolation.READ_COMMITTED
    """Default isolation level."""
    max_retries: int = Field(default=5, ge=0, le=100)
    """Repetitions by ``run`` of a transaction that the server rolled back because of a concurrent one."""
    retry_delay_seconds: float = Field(default=0.02, ge=0, le=10)
    """Delay before the first repetition. It doubles with each further one."""
