"""Configuration of canonical serialization."""

from typing import ClassVar

from onex.capability import Subcontract
from onex.mixins.serialization.model_serialization_subcontract import EnumTextFormat
from onex.model.contract.version import ModelSemVer


class ModelCanonicalSerializationSubcontract(Subcontract):
    """The format of canonical values. The name itself switches the canonical form on."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    serialization_format: EnumTextFormat = EnumTextFormat.YAML
    """The format of ``dump`` and ``load``."""
    enable_unicode: bool = True
    """With False all characters outside of ASCII are escaped."""
