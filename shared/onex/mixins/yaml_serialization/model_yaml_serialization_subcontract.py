"""Configuration of YAML serialization."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelYAMLSerializationSubcontract(Subcontract):
    """The form of YAML. The name itself selects YAML."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    canonical: bool = True
    """One form for equal values: sorted keys, block style, two spaces a level."""
    sort_keys: bool = True
    """Without canonical form: sort keys. With False they have their own order."""
    indent_size: int = Field(default=2, ge=1, le=8)
    """Without canonical form: spaces of a level."""
    line_width: int = Field(default=120, ge=80, le=200)
    """Characters of a line before long texts are wrapped."""
