"""Configuration of watching brokers."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelKafkaHealthCheckSubcontract(Subcontract):
    """What is asked of the brokers. How often is up to ``MixinHealthCheck``. Source: seed 000."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    critical: bool = True
    """The node cannot work without; else it counts as degraded only."""
    topics: tuple[str, ...] = Field(default=())
    """These must exist."""
