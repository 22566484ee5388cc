"""Configuration of authentication."""

from typing import ClassVar, Literal, Self

from pydantic import Field, SecretStr, model_validator

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer

Algorithm = Literal["RS256", "RS512", "PS256", "ES256", "ES384", "EdDSA", "HS256"]


class ModelAuthenticationSubcontract(Subcontract):
    """Accepted tokens and certificates. Without any key every token is refused."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    authenticate_messages: bool = True
    """Refuse messages without a valid token. With False the node calls ``authenticate`` itself."""
    header: str = "authorization"
    """Header of the record that carries ``Bearer`` and the token."""
    algorithms: tuple[Algorithm, ...] = ("RS256", "ES256", "EdDSA")
    """Accepted signature algorithms."""
    jwks_url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    """URL of the issuer's published keys (JWKS)."""
    secret: SecretStr = SecretStr("")
    """Key for HS256, instead of published keys."""
    issuer: str = ""
    """Required value of the ``iss`` claim. Empty accepts any issuer."""
    audience: str = ""
    """Required member of the ``aud`` claim. Empty accepts tokens for any audience."""
    roles_claim: str = "roles"
    """Claim with the roles: a list, or a text with spaces. Dots lead into objects: ``realm_access.roles``."""
    leeway_seconds: float = Field(default=10.0, ge=0, le=300)
    """Accepted difference between clocks, in seconds."""
    jwks_refresh_seconds: float = Field(default=300.0, ge=1, le=86_400)
    """Seconds between two reads of the published keys. A key that is no longer published is no longer accepted."""
    jwks_cooldown_seconds: float = Field(default=10.0, ge=0, le=3_600)
    """A token with an unknown key causes an immediate read of the keys, but not sooner than this after the last."""
    jwks_timeout_seconds: float = Field(default=2.0, gt=0, le=60)
    """Time limit of one read of the keys, in seconds."""
    trusted_ca: str = ""
    """PEM file with the authorities whose client certificates are accepted."""

    @model_validator(mode="after")
    def _keys_are_of_one_kind(self) -> Self:
        secret = self.secret.get_secret_value()
        if secret and self.jwks_url:
            raise ValueError("secret and jwks_url are two kinds of keys; keep one")
        if secret and "HS256" not in self.algorithms:
            raise ValueError("secret is a key for HS256, which algorithms does not have; add it")
        return self
