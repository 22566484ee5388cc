"""Configuration of transactions."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.mixins.database import EnumIsolation
from onex.model.contract.version import ModelSemVer


class ModelTransactionSubcontract(Subcontract):
    """How units of work begin and end."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    transaction_enabled: bool = True
    """With False every statement is its own transaction, and there is no commit or rollback."""
    rollback_support: bool = True
    """Allow ``rollback``. With False only an exception rolls back."""
    enable_savepoints: bool = True
    """Allow nested units, which can fail without their outer unit. With False they are refused."""
    transaction_timeout_ms: int = Field(default=30_000, ge=1_000, le=300_000)
    """A unit that takes longer is rolled back."""
    auto_commit: bool = False
    """Commit a unit that ends without an exception. With False a unit without ``commit`` is rolled back."""
    isolation_level: EnumIsolation = EnumIsolation.READ_COMMITTED
    """Isolation level of units."""
    enable_transaction_logging: bool = True
    """Log the outcome and the duration of each unit."""
