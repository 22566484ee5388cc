"""Configuration of spans."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelTracingSubcontract(Subcontract):
    """What spans carry. Where they go is a setting of the agent. Source: seed 001, MixinTracing."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    enabled: bool = True
    """False makes no spans; the trace of the message is handed on all the same."""
    sample_share: float = Field(default=1.0, ge=0, le=1)
    """Share of traces in which spans are made: all of a trace or none, on every node with this share."""
    record_exceptions: bool = True
    """An exception that leaves a span stands in it, with its stack."""
    max_attribute_length: int = Field(default=1_000, ge=10, le=100_000)
    """Longer texts are cut."""
    sensitive_field_patterns: tuple[str, ...] = ("password", "secret", "token", "key")
    """Values of attributes with such names, or such words in them, are hidden."""
