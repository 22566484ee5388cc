"""Configuration of webhooks."""

import re
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, IPvAnyNetwork, SecretStr, field_validator, model_validator

from onex.capability import Subcontract
from onex.mixins.encryption.model_encryption_subcontract import ModelEncryptionKey
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


_HOST = re.compile(r"\*|(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*|[0-9a-f:]*:[0-9a-f:]*")


class ModelWebhookSubscriptions(BaseModel):
    """Subscriptions that other systems ask for while the node runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    allowed_hosts: tuple[str, ...] = Field(default=(), max_length=256)
    """Hosts of subscribed URLs: ``shop.example.org``, ``*.example.org`` for all below it, ``*`` for any. Empty allows
    no subscription."""
    private_networks: tuple[IPvAnyNetwork, ...] = ()
    """Networks that are not public and may be connected to, like ``10.1.0.0/16``. Others are refused, whatever name
    leads there."""
    allow_http: bool = False
    """Whether URLs may begin with ``http:``. Without TLS, everyone on the way can read the events."""
    ports: tuple[int, ...] = Field(default=(443,), min_length=1)
    """Ports of subscribed URLs."""
    most: int = Field(default=1_000, ge=1, le=100_000)
    """Most subscriptions together."""
    disable_after: int = Field(default=10, ge=1, le=10_000)
    """A subscription that did not accept this number of events in a row is disabled, until it is asked for again."""
    keys: tuple[ModelEncryptionKey, ...] = Field(default=(), max_length=32)
    """Keys that encrypt the secrets of subscriptions on disk. The first one encrypts; all decrypt."""
    folder: str = ""
    """Folder of the file with the subscriptions. Empty uses ``webhooks`` in the agent's home. The instances of a node
    on one machine share the file; those on other machines have their own."""

    @field_validator("allowed_hosts")
    @classmethod
    def _are_hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            if not _HOST.fullmatch(host):
                raise ValueError(f"{host!r} is no host; write shop.example.org, *.example.org, or * for any host")
        return hosts

    @model_validator(mode="after")
    def _has_a_key(self) -> Self:
        if self.allowed_hosts and not self.keys:
            raise ValueError("allowed_hosts needs `keys`; `openssl rand -base64 32` creates a value")
        ids = [key.id for key in self.keys]
        if len(set(ids)) != len(ids):
            raise ValueError("two keys have the same id")
        return self


class ModelWebhookSubcontract(Subcontract):
    """Endpoints and deliveries, in the format of Standard Webhooks 1.0."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=1, patch=0)

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
    """Most remembered ids of received events. Repeated ids are refused, also after a restart. While all are in use,
    no further event is accepted."""
    subscriptions: ModelWebhookSubscriptions = ModelWebhookSubscriptions()
    """Subscriptions at run time. By default there are none."""
