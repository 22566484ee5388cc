"""Configuration of the check of the Docker engine."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelDockerHealthCheckSubcontract(Subcontract):
    """The checks ``docker`` and ``docker.disk``. ``MixinHealthCheck`` sets their interval."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    critical: bool = True
    """Whether the node is unhealthy when the engine does not respond. With False it is degraded."""
    min_api_version: str = Field(default="", pattern=r"^(1\.[0-9]{1,3})?$")
    """Oldest version of the API that the engine may have, like ``1.41``. Empty accepts any."""
    max_disk_bytes: int = Field(default=0, ge=0, le=1024**6)
    """Most bytes of images, containers, volumes and build cache. 0 adds no check of the disk."""
    disk_critical: bool = False
    """Whether the node is unhealthy above ``max_disk_bytes``. With False it is degraded."""
    disk_interval_seconds: float = Field(default=300.0, ge=0, le=86_400)
    """Seconds for which a measurement of the disk is valid. The engine reads the disk for it, which takes seconds."""
