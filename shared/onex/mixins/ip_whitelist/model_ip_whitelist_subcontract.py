"""Configuration of client addresses."""

from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, model_validator

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer
from onex.util.networks import network_text

Network = Annotated[str, AfterValidator(network_text)]


class ModelIPWhitelistSubcontract(Subcontract):
    """Networks whose requests are accepted. Without any, every address is refused."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    allow: tuple[Network, ...] = Field(default=(), max_length=10_000)
    """Accepted networks, IPv4 or IPv6: ``10.0.0.0/8``, ``2001:db8::/32``, or one address."""
    deny: tuple[Network, ...] = Field(default=(), max_length=10_000)
    """Networks that are refused although an accepted network has them."""
    trusted_proxies: tuple[Network, ...] = Field(default=(), max_length=1_000)
    """Networks of proxies whose ``Forwarded`` or ``X-Forwarded-For`` header is believed. Without any, the headers are
    ignored."""
    max_hops: int = Field(default=10, ge=1, le=100)
    """Longest chain of addresses in these headers. A longer one is refused."""
    header: str = Field(default="", pattern=r"^([a-z][a-z0-9-]{0,63})?$")
    """Header of records with the address of the client, which the sender of the message has seen. Messages are
    checked when it is set; a message without it is refused. Senders must be trusted: sign the messages, or limit who
    may write to the topic."""

    @model_validator(mode="after")
    def _no_network_is_both(self) -> Self:
        if both := sorted({*self.allow} & {*self.deny}):
            raise ValueError(f"{both[0]} is in allow and in deny; keep one")
        return self
