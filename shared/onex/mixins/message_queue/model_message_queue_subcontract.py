"""Configuration of sending."""

from enum import StrEnum
from typing import ClassVar, Self

from pydantic import Field, model_validator

from onex.capability import Subcontract
from onex.capability.config_rules import require_ordered
from onex.model.contract.version import ModelSemVer


class EnumQueueOrder(StrEnum):
    """The scope within which messages are sent in order."""

    KEY = "key"
    """Messages of one key."""
    ALL = "all"
    """All messages."""
    NONE = "none"
    """No order: messages may overtake each other."""


class ModelMessageQueueSubcontract(Subcontract):
    """How messages are sent."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    ordering: EnumQueueOrder = EnumQueueOrder.KEY
    """The scope within which messages are sent in order. A failing message delays the messages behind it."""
    max_in_flight: int = Field(default=100, ge=1, le=10_000)
    """Messages that are sent concurrently. ``send`` waits for its turn."""
    max_attempts: int = Field(default=5, ge=1, le=100)
    """Attempts for one message before ``send`` raises."""
    base_delay_seconds: float = Field(default=0.1, gt=0, le=60)
    """Delay before the second attempt. It doubles with each further one."""
    max_delay_seconds: float = Field(default=5.0, gt=0, le=300)
    """Longest delay."""
    send_timeout_seconds: float = Field(default=10.0, gt=0, le=300)
    """An attempt that is not acknowledged within this time has failed."""

    @model_validator(mode="after")
    def _delays_are_ordered(self) -> Self:
        require_ordered("base_delay_seconds", self.base_delay_seconds, "max_delay_seconds", self.max_delay_seconds)
        return self
