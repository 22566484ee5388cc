"""Configuration of authentication."""

from typing import ClassVar, Literal

from pydantic import Field, SecretStr

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer

Algorithm = Literal["RS256", "RS512", "PS256", "ES256", "ES384", "EdDSA", "HS256"]


class ModelAuthenticationSubcontract(Subcontract):
    """Whom to believe. Without any key nobody is believed. Source: seed 001, MixinAuthentication."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    authenticate_messages: bool = True
    """Refuse messages without a valid token; False leaves it to the node to ask."""
    header: str = "authorization"
    """Header of the record that carries ``Bearer`` and the token."""
    algorithms: tuple[Algorithm, ...] = ("RS256", "ES256", "EdDSA")
    """Signatures that are accepted."""
    jwks_url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    """Where the keys of the issuer are published (JWKS)."""
    secret: SecretStr = SecretStr("")
    """Key for HS256, in place of published ones."""
    issuer: str = ""
    """``iss`` must be it; empty: anybody."""
    audience: str = ""
    """``aud`` must hold it; empty: tokens for anybody."""
    roles_claim: str = "roles"
    """Claim with the roles: a list, or a text with spaces. Dots lead into objects: ``realm_access.roles``."""
    leeway_seconds: float = Field(default=10.0, ge=0, le=300)
    """By how much clocks may differ."""
    jwks_refresh_seconds: float = Field(default=300.0, ge=1, le=86_400)
    """How often published keys are read again; keys that are gone are not accepted any more."""
    jwks_cooldown_seconds: float = Field(default=10.0, ge=0, le=3_600)
    """A token with an unknown key has them read at once, but no sooner than this after the last time."""
    jwks_timeout_seconds: float = Field(default=2.0, gt=0, le=60)
    """Until the issuer must have answered."""
    trusted_ca: str = ""
    """PEM file with the authorities whose client certificates are accepted."""
