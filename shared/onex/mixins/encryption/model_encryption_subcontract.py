"""Configuration of encryption."""

import base64
import binascii
from typing import ClassVar, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer

_KEY_BYTES = 32


class ModelEncryptionKey(BaseModel):
    """A key that encrypts the data keys of envelopes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")
    """Identifies the key in every envelope. Not secret."""
    value: SecretStr
    """32 bytes in base64. ``${VAR}`` reads it from the environment. ``openssl rand -base64 32`` creates one."""

    until: AwareDatetime | None = None
    """End of the key. After it the key encrypts nothing: messages wait for another active key. It still decrypts.
    Without it the key has no end."""

    @field_validator("value")
    @classmethod
    def _is_long_enough(cls, value: SecretStr) -> SecretStr:
        try:
            raw = base64.b64decode(value.get_secret_value(), validate=True)
        except binascii.Error:
            raise ValueError("it is not base64") from None
        if len(raw) != _KEY_BYTES:
            raise ValueError(f"it has {len(raw)} bytes; {_KEY_BYTES} are needed")
        return value

    @property
    def raw(self) -> bytes:
        """The key as bytes."""
        return base64.b64decode(self.value.get_secret_value())

    @property
    def until_ms(self) -> float:
        """End in milliseconds since 1970."""
        return self.until.timestamp() * 1000 if self.until else float("inf")


class ModelEncryptionSubcontract(Subcontract):
    """The keys of envelopes."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=1, patch=0)

    keys: tuple[ModelEncryptionKey, ...] = ()
    """Keys that decrypt envelopes. To change the key: add a new one, make it active, call ``rewrap`` on all
    envelopes, remove the old one."""
    active_key: str = ""
    """Id of the key for new envelopes. Empty uses the first key."""
    max_bytes: int = Field(default=64 * 1024 * 1024, ge=1, le=2**31 - 1)
    """Larger data is refused."""
    warn_before_end_seconds: float = Field(default=7 * 86_400.0, ge=0, le=366 * 86_400)
    """The health check reports the active key this long before its end."""

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        ids = [key.id for key in self.keys]
        if len(set(ids)) != len(ids):
            raise ValueError("two keys have the same id")
        if self.active_key and self.active_key not in ids:
            raise ValueError(f"active_key {self.active_key!r} is none of {', '.join(ids) or 'no keys'}")
        return self
