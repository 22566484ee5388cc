"""Configuration of validation."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelValidationSubcontract(Subcontract):
    """What is checked, and how much of what is wrong is told. Source: seed 002."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    enable_fail_fast: bool = True
    """Tell the first problem only. Messages that reach the handler are always checked whole."""
    strict_type_checking: bool = True
    """Take no text for a number; False converts what can be converted."""
    enable_schema_validation: bool = True
    """Tell fields that are missing, unknown or of the wrong type."""
    enable_constraint_validation: bool = True
    """Tell values beyond their limits, patterns and rules."""
    max_validation_errors: int = Field(default=10, ge=1, le=100)
    """No more problems are told than these."""
    enable_validation_caching: bool = True
    """Remember what was found: equal data is not checked again for a while."""
    validation_cache_ttl_seconds: int = Field(default=300, ge=10, le=3600)
    """For how long."""
