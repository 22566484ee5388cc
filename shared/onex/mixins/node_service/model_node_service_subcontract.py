"""Configuration of a node's life."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelNodeServiceSubcontract(Subcontract):
    """How a node starts and ends. Source: seed 001, MixinNodeService."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    start_timeout_seconds: float = Field(default=30.0, gt=0, le=600)
    """What is done at start must end by then, each thing by itself."""
    stop_timeout_seconds: float = Field(default=10.0, gt=0, le=600)
    """What is done at the end gets so long, each thing by itself; then it is given up, and said so."""
    refuse_when_stopping: bool = True
    """Messages that come while the node ends are tried again elsewhere; else they are still handled."""
