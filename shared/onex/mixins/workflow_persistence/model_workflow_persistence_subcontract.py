"""Configuration of the persistence of a workflow."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelWorkflowPersistenceSubcontract(Subcontract):
    """How long, and how many, finished runs of a key are stored. Open runs are always stored, in the keyed state and
    its changelog topic, from which another machine restores them."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    retention_seconds: float = Field(default=86400.0, ge=1, le=31_536_000)
    """Seconds for which a finished run is stored. Until then a repetition of its command receives the same
    completion, and the run undoes steps whose results arrive late. Afterwards the command starts a new run."""
    earlier_runs: int = Field(default=20, ge=0, le=100)
    """Number of earlier runs of the same key that are stored with the latest one, to reply to repeated commands."""
