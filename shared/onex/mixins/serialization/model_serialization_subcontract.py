"""Configuration of serialization."""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class EnumTextFormat(StrEnum):
    """Text formats."""

    YAML = "yaml"
    JSON = "json"


class ModelSerializationSubcontract(Subcontract):
    """How values become text. Messages on topics are Avro whatever stands here. Source: seed 002."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    serialization_format: EnumTextFormat = EnumTextFormat.YAML
    """What ``dump`` writes and ``load`` reads."""
    enable_canonical_mode: bool = True
    """One form only: keys sorted, nothing for the eye. JSON on one line, YAML in block style."""
    enable_deterministic_output: bool = True
    """Sets come in the order of their elements' text; else in whatever order Python has them."""
    sort_keys: bool = True
    """Without canonical mode: whether keys are sorted, or stand as they were put in."""
    indent_size: int = Field(default=2, ge=1, le=8)
    """Without canonical mode: spaces of a level."""
    line_width: int = Field(default=120, ge=80, le=200)
    """YAML: where long texts are wrapped."""
    enable_unicode: bool = True
    """False escapes all that is not ASCII."""
    enable_compression: bool = False
    """Gzip, without a time in it. ``load`` recognises it by itself."""
    max_text_bytes: int = Field(default=4_194_304, ge=64, le=1_073_741_824)
    """``load`` refuses longer text. Compressed data counts as what it becomes, and no more of it is unpacked."""
