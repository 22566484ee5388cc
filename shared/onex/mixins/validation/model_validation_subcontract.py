"""Configuration of validation."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelValidationSubcontract(Subcontract):
    """Checks, and the number of reported problems."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    enable_fail_fast: bool = True
    """Report the first problem only. Messages for the handler are always checked completely."""
    strict_type_checking: bool = True
    """Do not convert types, such as text to a number. With False values are converted where possible."""
    enable_schema_validation: bool = True
    """Report missing and unknown fields, and fields of the wrong type."""
    enable_constraint_validation: bool = True
    """Report values that violate limits, patterns or rules."""
    max_validation_errors: int = Field(default=10, ge=1, le=100)
    """Most reported problems."""
    enable_validation_caching: bool = True
    """Cache results, so that equal data is not checked again."""
    validation_cache_ttl_seconds: int = Field(default=300, ge=10, le=3600)
    """Lifetime of a cached result, in seconds."""
