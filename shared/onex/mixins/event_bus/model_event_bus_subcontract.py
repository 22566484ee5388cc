"""Configuration of the event bus of a node."""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field, field_validator

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class EnumBusType(StrEnum):
    """Who gets the events."""

    KAFKA = "kafka"
    """Topics of the contract."""
    MEMORY = "memory"
    """Listeners in this process, and nobody else."""
    HYBRID = "hybrid"
    """Both: listeners at once, topics as soon as they can be written."""


class EnumRouting(StrEnum):
    """By which key an event is put on its topic, and so in which order events are read."""

    TYPE_BASED = "type_based"
    """All events of a type stay in their order."""
    PRIORITY_BASED = "priority_based"
    """All events of a priority stay in their order."""
    BROADCAST = "broadcast"
    """A copy in every partition: every instance of a reader gets it."""
    TOPIC_BASED = "topic_based"
    """By the key that the message declares, as what handlers answer."""


class ModelEventBusSubcontract(Subcontract):
    """How events are published beside what handlers answer. Source: seed 002."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    event_bus_enabled: bool = True
    """False: ``publish`` does nothing."""
    event_bus_type: EnumBusType = EnumBusType.HYBRID
    """Who gets the events. There is no Redis: what leaves the process goes through Kafka."""
    enable_event_logging: bool = True
    """Write a line for each event."""
    correlation_tracking: bool = True
    """Events carry the correlation id of the message in hand."""
    event_retention_seconds: int = Field(default=3_600, ge=0, le=86_400)
    """What could not be published for so long is given up. 0: nothing is given up for its age."""
    max_retry_attempts: int = Field(default=3, ge=0, le=10)
    """How often a batch that was not taken is sent again."""
    retry_delay_ms: int = Field(default=1_000, ge=0, le=10_000)
    """Before each of these."""
    enable_event_validation: bool = True
    """Check events against their models once more: what was built without validation is refused here."""
    graceful_degradation: bool = True
    """What is given up is told, and the node goes on. Else the next ``publish`` or ``flush`` raises."""
    routing_key_strategy: EnumRouting = EnumRouting.TYPE_BASED
    """By which key events are put on their topics."""
    enable_dead_letter_queue: bool = True
    """What is given up goes to the dead letters of the node, where those can be written."""
    event_batch_size: int = Field(default=1, ge=1, le=1_000)
    """Events that are sent together, at the most."""
    event_buffer_size: int = Field(default=100, ge=10, le=10_000)
    """Events that wait to be sent; ``publish`` waits for room."""
    publish_timeout_ms: int = Field(default=5_000, ge=100, le=30_000)
    """A batch that is not acknowledged by then was not taken."""

    @field_validator("event_bus_type", mode="before")
    @classmethod
    def _no_redis(cls, value: object) -> object:
        if value == "redis":
            raise ValueError("there is no Redis bus; say kafka, memory or hybrid")
        return value
