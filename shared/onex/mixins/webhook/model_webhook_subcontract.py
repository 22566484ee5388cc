"""Configuration of webhooks."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelWebhookEndpoint(BaseModel):
    """Somebody who gets events, or from whom they come."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    """Name under which the node asks for it."""
    url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    """Where events go; empty for one that only delivers to us."""
    secrets: tuple[SecretStr, ...] = Field(min_length=1)
    """Shared with it. The first one signs; each of them is accepted, so that secrets can be changed without a gap.
    ``whsec_`` and base64, or plain text of any kind."""
    events: tuple[str, ...] = ()
    """Types that it gets; empty: all."""


class ModelWebhookSubcontract(Subcontract):
    """To whom events are delivered, and how. Source: seed 001, MixinWebhook; form: Standard Webhooks 1.0."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    endpoints: tuple[ModelWebhookEndpoint, ...] = ()
    """Those that events go to, or come from."""
    timeout_seconds: float = Field(default=10.0, gt=0, le=300)
    """Of one attempt."""
    max_attempts: int = Field(default=5, ge=1, le=50)
    """How often one event is delivered until it has failed."""
    base_delay_seconds: float = Field(default=0.5, gt=0, le=60)
    """Before the second attempt; it doubles with each further one. ``Retry-After`` of an answer has the last word."""
    max_delay_seconds: float = Field(default=30.0, gt=0, le=3_600)
    """No delay grows beyond it."""
    tolerance_seconds: float = Field(default=300.0, gt=0, le=86_400)
    """What comes to us with a time further from now is refused; ids are remembered for so long."""
    remembered_ids: int = Field(default=100_000, ge=1, le=10_000_000)
    """Ids that are remembered at the most, to refuse what comes twice."""
