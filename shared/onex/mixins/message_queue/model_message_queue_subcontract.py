"""Configuration of sending."""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class EnumQueueOrder(StrEnum):
    """What is sent one after the other."""

    KEY = "key"
    """Messages of one key."""
    ALL = "all"
    """All messages."""
    NONE = "none"
    """Nothing: they may overtake each other."""


class ModelMessageQueueSubcontract(Subcontract):
    """How messages are sent. Source: seed 001, MixinMessageQueue: ordering and guaranteed delivery."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    ordering: EnumQueueOrder = EnumQueueOrder.KEY
    """What is sent one after the other; a failure holds up what is behind it."""
    max_in_flight: int = Field(default=100, ge=1, le=10_000)
    """Messages on their way at once; ``send`` waits for its turn."""
    max_attempts: int = Field(default=5, ge=1, le=100)
    """How often one is sent until ``send`` raises."""
    base_delay_seconds: float = Field(default=0.1, gt=0, le=60)
    """Before the second attempt; it doubles with each further one."""
    max_delay_seconds: float = Field(default=5.0, gt=0, le=300)
    """No delay grows beyond it."""
    send_timeout_seconds: float = Field(default=10.0, gt=0, le=300)
    """An attempt that is not acknowledged by then has failed."""
