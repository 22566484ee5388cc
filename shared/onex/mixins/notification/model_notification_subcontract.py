"""Configuration of notifications."""

from enum import StrEnum
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class EnumSeverity(StrEnum):
    """Severities in ascending order."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class EnumChannelKind(StrEnum):
    """Kinds of channels."""

    EMAIL = "email"
    """Mail by SMTP."""
    CHAT = "chat"
    """A webhook that accepts ``{"text": ...}``, as Slack, Mattermost and Google Chat do."""


class ModelNotificationChannel(BaseModel):
    """One channel to people."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    """Name of the channel in errors."""
    kind: EnumChannelKind
    """Mail or chat."""
    least_severity: EnumSeverity = EnumSeverity.INFO
    """Lowest severity that is sent to the channel."""
    url: SecretStr = SecretStr("")
    """Chat: URL of the webhook. It is secret, because it allows writing to the chat."""
    host: str = "localhost"
    """Mail: the SMTP server."""
    port: int = Field(default=25, ge=1, le=65_535)
    """Mail: its port."""
    starttls: bool = False
    """Mail: switch to TLS before login and mail, and verify the server's certificate."""
    username: str = ""
    """Mail: user for the login. Empty skips the login."""
    password: SecretStr = SecretStr("")
    """Mail: password of the user. ``${VAR}`` reads it from the environment."""
    sender: str = "onex@localhost"
    """Mail: address of the sender."""
    recipients: tuple[str, ...] = ()
    """Mail: addresses of the recipients."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        match self.kind:
            case EnumChannelKind.EMAIL if not self.recipients:
                raise ValueError(f"{self.name}: mail needs recipients")
            case EnumChannelKind.CHAT if not self.url.get_secret_value():
                raise ValueError(f"{self.name}: chat needs a url")
        return self


class ModelNotificationSubcontract(Subcontract):
    """The channels of notifications, and their repetition."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    channels: tuple[ModelNotificationChannel, ...] = ()
    """The channels. Each receives the notifications of its severity and above."""
    repeat_after_seconds: float = Field(default=300.0, ge=0, le=604_800)
    """Seconds in which the same notification is not sent to a channel again, so that a retried message notifies
    once."""
    timeout_seconds: float = Field(default=10.0, gt=0, le=300)
    """Time limit of one attempt on one channel."""
    max_attempts: int = Field(default=3, ge=1, le=20)
    """Attempts on each channel."""
    base_delay_seconds: float = Field(default=1.0, gt=0, le=60)
    """Delay before the second attempt. It doubles with each further one."""
