"""Configuration of redaction."""

from typing import ClassVar

from onex.capability import Subcontract
from onex.capability.config_rules import SensitiveNames
from onex.model.contract.version import ModelSemVer


class ModelRedactionSubcontract(Subcontract):
    """The names under which values are hidden."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    enable_redaction: bool = True
    """With False ``redact`` changes nothing."""
    sensitive_field_patterns: SensitiveNames = ("password", "secret", "token", "key")
    """Values are hidden under these names, and under names that contain one of these words."""
