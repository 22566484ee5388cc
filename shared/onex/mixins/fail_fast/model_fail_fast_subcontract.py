"""Configuration of fail fast."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelFailFastSubcontract(Subcontract):
    """Where checks stop."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    enable_fail_fast: bool = True
    """Stop at the first problem of a message. With False all are reported."""
    max_validation_errors: int = Field(default=10, ge=1, le=100)
    """Problems that are reported of one message when checks do not stop at the first."""
