"""Configuration of webhooks."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelWebhookEndpoint(BaseModel):
    """Another system that receives or sends events."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    """Name that the node passes to ``deliver`` and ``verify``."""
    url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    """URL for deliveries. Empty for a system that only sends events."""
    secrets: tuple[SecretStr, ...] = Field(min_length=1)
    """Shared secrets. The first one signs; all are accepted, so that secrets can be changed without a gap.
    ``whsec_`` and base64, or any plain text."""
    events: tuple[str, ...] = ()
    """Event types that are delivered to it. Empty delivers all."""


class ModelWebhookSubcontract(Subcontract):
    """Endpoints and deliveries, in the format of Standard Webhooks 1.0."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    endpoints: tuple[ModelWebhookEndpoint, ...] = ()
    """The other systems."""
    timeout_seconds: float = Field(default=10.0, gt=0, le=300)
    """Time limit of one attempt."""
    max_attempts: int = Field(default=5, ge=1, le=50)
    """Attempts to deliver one event before it has failed."""
    base_delay_seconds: float = Field(default=0.5, gt=0, le=60)
    """Delay before the second attempt. It doubles with each further one. A ``Retry-After`` header replaces it."""
    max_delay_seconds: float = Field(default=30.0, gt=0, le=3_600)
    """Longest delay."""
    tolerance_seconds: float = Field(default=300.0, gt=0, le=86_400)
    """Received events with a time further from now are refused. Ids are remembered for twice as long."""
    remembered_ids: int = Field(default=100_000, ge=1, le=10_000_000)
    """Most remembered ids of received events. Repeated ids are refused."""
