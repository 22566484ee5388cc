"""Configuration of distributed tracing."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelDistributedTracingSubcontract(Subcontract):
    """The settings of :class:`MixinTracing` that matter across nodes."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    enabled: bool = True
    """With False no spans are created. Headers still pass the message's trace on."""
    sampling_rate: float = Field(default=1.0, ge=0, le=1)
    """Share of traces with spans. A trace has all of its spans or none, on every node with this share."""
    record_exceptions: bool = True
    """Record an exception that leaves a span in it, with its stack."""
