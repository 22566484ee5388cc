"""Configuration of spans."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.capability.config_rules import SensitiveNames
from onex.model.contract.version import ModelSemVer


class ModelTracingSubcontract(Subcontract):
    """Content of spans. A setting of the agent decides where they are exported."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    enabled: bool = True
    """With False no spans are created. ``headers`` still passes the message's trace on."""
    sample_share: float = Field(default=1.0, ge=0, le=1)
    """Share of traces with spans. A trace has all of its spans or none, on every node with this share."""
    record_exceptions: bool = True
    """Record an exception that leaves a span in it, with its stack."""
    max_attribute_length: int = Field(default=1_000, ge=10, le=100_000)
    """Characters of a text. Longer texts are cut."""
    sensitive_field_patterns: SensitiveNames = ("password", "secret", "token", "key")
    """Attribute values are hidden under these names, and under names that contain one of these words."""
