"""Configuration of transactions."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.mixins.database import EnumIsolation
from onex.model.contract.version import ModelSemVer


class ModelTransactionSubcontract(Subcontract):
    """How units of work begin and end. Source: seed 002."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    transaction_enabled: bool = True
    """False: every statement stands for itself; there is nothing to commit or to undo."""
    rollback_support: bool = True
    """Whether ``rollback`` may be called; without it only a failure undoes the work."""
    enable_savepoints: bool = True
    """A unit within another one can fail by itself; else it is refused."""
    transaction_timeout_ms: int = Field(default=30_000, ge=1_000, le=300_000)
    """A unit that takes longer is undone."""
    auto_commit: bool = False
    """A unit that ends without an exception is committed; else only ``commit`` does it, and without it all is
    undone."""
    isolation_level: EnumIsolation = EnumIsolation.READ_COMMITTED
    """How far units see each other."""
    enable_transaction_logging: bool = True
    """Write a line for each unit: how it ended, and after how long."""
