"""Configuration of notifications."""

from enum import StrEnum
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class EnumSeverity(StrEnum):
    """How much it matters, from little to much."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class EnumChannelKind(StrEnum):
    """Ways to people."""

    EMAIL = "email"
    """SMTP."""
    CHAT = "chat"
    """A webhook that takes ``{"text": ...}``, as Slack, Mattermost and Google Chat have them."""


class ModelNotificationChannel(BaseModel):
    """One way to people."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    """What errors call it."""
    kind: EnumChannelKind
    """Mail or chat."""
    least_severity: EnumSeverity = EnumSeverity.INFO
    """What matters less does not go here."""
    url: SecretStr = SecretStr("")
    """Chat: its webhook; whoever knows it can write there."""
    host: str = "localhost"
    """Mail: the SMTP server."""
    port: int = Field(default=25, ge=1, le=65_535)
    """Mail: its port."""
    starttls: bool = False
    """Mail: go over to TLS before anything is said; the server's certificate is checked."""
    username: str = ""
    """Mail: who logs in; empty: nobody does."""
    password: SecretStr = SecretStr("")
    """Mail: of that user. ``${VAR}`` takes it from the environment."""
    sender: str = "onex@localhost"
    """Mail: from whom."""
    recipients: tuple[str, ...] = ()
    """Mail: to whom."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        match self.kind:
            case EnumChannelKind.EMAIL if not self.recipients:
                raise ValueError(f"{self.name}: mail needs recipients")
            case EnumChannelKind.CHAT if not self.url.get_secret_value():
                raise ValueError(f"{self.name}: chat needs a url")
        return self


class ModelNotificationSubcontract(Subcontract):
    """To whom notifications go, and how often. Source: seed 001, MixinNotification."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    channels: tuple[ModelNotificationChannel, ...] = ()
    """Ways to people; each gets what matters enough for it."""
    repeat_after_seconds: float = Field(default=300.0, ge=0, le=604_800)
    """The same notification is not sent to a channel again before; so a message that is tried again tells once."""
    timeout_seconds: float = Field(default=10.0, gt=0, le=300)
    """Of one attempt on one channel."""
    max_attempts: int = Field(default=3, ge=1, le=20)
    """On each channel."""
    base_delay_seconds: float = Field(default=1.0, gt=0, le=60)
    """Before the second attempt; it doubles with each further one."""
