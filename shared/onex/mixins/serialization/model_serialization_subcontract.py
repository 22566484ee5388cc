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


class EnumDigest(StrEnum):
    """Functions of digests."""

    SHA256 = "sha256"
    SHA512 = "sha512"
    BLAKE2B = "blake2b"
    """With a digest of 64 bytes."""


class ModelSerializationSubcontract(Subcontract):
    """The format of serialized values. Messages on topics are Avro, independent of this."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=1, patch=0)

    serialization_format: EnumTextFormat = EnumTextFormat.YAML
    """The format of ``dump`` and ``load``."""
    enable_canonical_mode: bool = True
    """One form for equal values: sorted keys, JSON on one line without spaces, YAML in block style."""
    enable_deterministic_output: bool = True
    """Write sets in the order of their elements' text. With False they have Python's order."""
    sort_keys: bool = True
    """Without canonical mode: sort keys. With False they keep their order."""
    indent_size: int = Field(default=2, ge=1, le=8)
    """Without canonical mode: spaces of a level."""
    line_width: int = Field(default=120, ge=80, le=200)
    """YAML: characters of a line before long texts are wrapped."""
    enable_unicode: bool = True
    """With False all characters outside of ASCII are escaped."""
    enable_compression: bool = False
    """Compress with gzip, without a timestamp. ``load`` detects it."""
    digest_algorithm: EnumDigest = EnumDigest.SHA256
    """The function of ``digest``."""
    max_text_bytes: int = Field(default=4_194_304, ge=64, le=1_073_741_824)
    """``load`` refuses longer text. For compressed data the decompressed size counts; decompression stops there."""
