"""Records to publish, and the health of a bus."""

from dataclasses import dataclass, field

Headers = list[tuple[str, bytes]]
DEFAULT_MAX_MESSAGE_BYTES = 1_048_588
"""Kafka's default of ``max.message.bytes``."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to publish outside the engine. ``partition`` -1 lets the key decide (murmur2)."""

    topic: str
    value: bytes | None
    key: bytes | None = None
    headers: Headers = field(default_factory=list)
    partition: int = -1


@dataclass(frozen=True, slots=True)
class BusHealth:
    """Whether brokers answer, and the latest complaint of the client."""

    ok: bool
    detail: str
