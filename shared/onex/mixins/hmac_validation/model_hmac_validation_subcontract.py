"""Configuration of HMAC signatures."""

import base64
import binascii
from typing import ClassVar, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer

_LEAST_BYTES, _MOST_BYTES = 32, 1024


class ModelHmacKey(BaseModel):
    """A key that senders and receivers share."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")
    """Identifies the key in every signature. Not secret."""
    value: SecretStr
    """At least 32 bytes in base64. ``${VAR}`` reads it from the environment, ``openssl rand -base64 32`` makes it."""
    since: AwareDatetime | None = None
    """The key signs from this time on. Without it, it signs from the start."""
    until: AwareDatetime | None = None
    """End of the key: it signs nothing after this time, and signatures with a later time are refused. Without it the
    key has no end."""

    @field_validator("value")
    @classmethod
    def _is_long_enough(cls, value: SecretStr) -> SecretStr:
        try:
            raw = base64.b64decode(value.get_secret_value(), validate=True)
        except (binascii.Error, ValueError):
            raise ValueError("it is not base64") from None
        if not _LEAST_BYTES <= len(raw) <= _MOST_BYTES:
            raise ValueError(f"it has {len(raw)} bytes; {_LEAST_BYTES} to {_MOST_BYTES} are needed")
        return value

    @model_validator(mode="after")
    def _has_a_life(self) -> Self:
        if self.since and self.until and self.since >= self.until:
            raise ValueError(f"key {self.id}: `until` must be later than `since`")
        return self

    @property
    def raw(self) -> bytes:
        """The key as bytes."""
        return base64.b64decode(self.value.get_secret_value())

    @property
    def since_ms(self) -> float:
        """Start in milliseconds since 1970."""
        return self.since.timestamp() * 1000 if self.since else float("-inf")

    @property
    def until_ms(self) -> float:
        """End in milliseconds since 1970."""
        return self.until.timestamp() * 1000 if self.until else float("inf")


class ModelHMACValidationSubcontract(Subcontract):
    """Keys, and the signatures that are required and made. Without keys the node does not start."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    keys: tuple[ModelHmacKey, ...] = Field(default=(), max_length=32)
    """Accepted keys. The key with the latest ``since`` that has begun signs. To change the key: add a new one with a
    ``since`` at which all receivers have it, set ``until`` of the old one, and remove the old one after that."""
    algorithm: Literal["sha256", "sha512"] = "sha256"
    """Hash of the signatures, the same for senders and receivers. A signature cannot choose another one."""
    validate_messages: bool = True
    """Refuse messages without a valid signature."""
    sign_outputs: bool = True
    """Sign the messages that the node publishes."""
    unsigned_topics: tuple[str, ...] = ()
    """Input topics whose messages need no signature, without the prefix of the mesh."""
    header: str = Field(default="onex-signature", pattern=r"^[a-z][a-z0-9-]{0,63}$")
    """Header of records and HTTP requests that carries the signature."""
    max_age_seconds: float = Field(default=3_600.0, gt=0, le=31 * 86_400)
    """Longest time between signature and arrival. A message arrives when the brokers store it, on topics with
    ``message.timestamp.type: LogAppendTime``; on others when the node takes it, so that a backlog counts."""
    clock_skew_seconds: float = Field(default=30.0, ge=0, le=3_600)
    """Signatures may be this far in the future of the receiver's clock."""
    remember_seconds: float = Field(default=7_200.0, gt=0, le=62 * 86_400)
    """Time for which an accepted signature is remembered: the longest age, and the longest backlog of a topic with
    ``LogAppendTime``."""
    remembered: int = Field(default=10_000_000, ge=1, le=1_000_000_000)
    """Most signatures that are remembered together, about 150 bytes each on disk. While there are more, the node
    waits."""
    warn_before_end_seconds: float = Field(default=7 * 86_400.0, ge=0, le=366 * 86_400)
    """The health check reports a key without a successor this long before its end."""
    max_body_bytes: int = Field(default=16 * 1024 * 1024, ge=1, le=2**31 - 1)
    """Larger bodies of HTTP requests are refused before they are hashed."""

    @model_validator(mode="after")
    def _has_distinct_ids(self) -> Self:
        ids = [key.id for key in self.keys]
        if len(set(ids)) != len(ids):
            raise ValueError("two keys have the same id")
        starts = [key.since for key in self.keys]
        if len(set(starts)) != len(starts):
            raise ValueError("two keys have the same `since`, or none; set it, so that one of them is the newest")
        if self.remember_seconds < self.max_age_seconds + self.clock_skew_seconds:
            raise ValueError("remember_seconds must be at least max_age_seconds and clock_skew_seconds together")
        return self
