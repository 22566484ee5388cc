"""Configuration of the event bus of a node."""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field, field_validator

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class EnumBusType(StrEnum):
    """The destination of events."""

    KAFKA = "kafka"
    """Topics of the contract."""
    MEMORY = "memory"
    """Listeners in this process only."""
    HYBRID = "hybrid"
    """Both: listeners immediately, topics as soon as they can be written."""


class EnumRouting(StrEnum):
    """The key of an event on its topic, which decides about the order of reading."""

    TYPE_BASED = "type_based"
    """The type: all events of a type stay in order."""
    PRIORITY_BASED = "priority_based"
    """The priority: all events of a priority stay in order."""
    BROADCAST = "broadcast"
    """A copy in every partition: every instance of a reader receives it."""
    TOPIC_BASED = "topic_based"
    """The key that the message declares, as for results of handlers."""


class ModelEventBusSubcontract(Subcontract):
    """How events are published in addition to the results of handlers."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=1, patch=0)

    event_bus_enabled: bool = True
    """With False ``publish`` and ``emit`` do nothing."""
    event_bus_type: EnumBusType = EnumBusType.HYBRID
    """The destination of events. Redis is not supported: events leave the process through Kafka only."""
    enable_event_logging: bool = True
    """Log a line for each event."""
    correlation_tracking: bool = True
    """Events carry the correlation id of the current message."""
    event_retention_seconds: int = Field(default=3_600, ge=0, le=86_400)
    """Seconds after which an unsent event is dropped. With 0 events are not dropped for their age."""
    max_retry_attempts: int = Field(default=3, ge=0, le=10)
    """Retries of a batch that was not acknowledged."""
    retry_delay_ms: int = Field(default=1_000, ge=0, le=10_000)
    """Delay before each retry."""
    enable_event_validation: bool = True
    """Validate events again: an event that was built without validation is refused here."""
    graceful_degradation: bool = True
    """Report a dropped event, and continue. With False the next ``publish`` or ``flush`` raises."""
    routing_key_strategy: EnumRouting = EnumRouting.TYPE_BASED
    """The key of events on their topics."""
    enable_dead_letter_queue: bool = True
    """Write a dropped event to the node's dead letters, if those can be written."""
    event_batch_size: int = Field(default=1, ge=1, le=1_000)
    """Most events of one batch."""
    event_buffer_size: int = Field(default=100, ge=10, le=10_000)
    """Events that wait to be sent. ``publish`` waits while the buffer is full."""
    publish_timeout_ms: int = Field(default=5_000, ge=100, le=30_000)
    """Time limit for the acknowledgement of a batch."""

    @field_validator("event_bus_type", mode="before")
    @classmethod
    def _no_redis(cls, value: object) -> object:
        if value == "redis":
            raise ValueError("there is no Redis bus; use kafka, memory or hybrid")
        return value
