"""Configuration of tool execution."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelToolExecutionSubcontract(Subcontract):
    """Limits of tools."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    max_concurrent_tools: int = Field(default=100, ge=1, le=1_000)
    """Calls of tools that run at the same time. Further calls wait."""
    tool_timeout_ms: int = Field(default=30_000, ge=1_000, le=300_000)
    """Milliseconds after which a call of a tool is cancelled."""
