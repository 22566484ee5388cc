"""Configuration of the broker check."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelKafkaHealthCheckSubcontract(Subcontract):
    """The check of the brokers. ``MixinHealthCheck`` sets its interval."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    critical: bool = True
    """Whether the node is unhealthy when the check fails. With False it is degraded."""
    topics: tuple[str, ...] = Field(default=())
    """Topics that must exist."""
