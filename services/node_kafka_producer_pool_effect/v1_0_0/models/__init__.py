"""Records to be written, and how the pool is."""

from enum import StrEnum

from pydantic import Field

from onex.mixins.circuit_breaker import EnumCircuitState
from onex.node import Message


class EnumEncoding(StrEnum):
    """How bytes stand in a text."""

    TEXT = "text"
    """UTF-8."""
    BASE64 = "base64"


class RecordToPublish(Message):
    """One record."""

    value: str | None = None
    """None writes a tombstone."""
    key: str = ""
    """Empty: any partition."""
    encoding: EnumEncoding = EnumEncoding.TEXT
    """Of the value."""
    headers: dict[str, str] = Field(default_factory=dict)


class PublishRecords(Message, key="topic"):
    """Write these, in their order per key. Delivered again they are written again: with the same ``ce_id`` each."""

    topic: str = Field(min_length=1, max_length=249, pattern=r"^[a-zA-Z0-9._-]+$")
    records: tuple[RecordToPublish, ...] = Field(min_length=1, max_length=10_000)


class RecordsPublished(Message):
    """All of them are acknowledged by all replicas in sync."""

    topic: str
    count: int


class ReportPool(Message):
    """How is the pool?"""


class PoolReported(Message):
    """How it is."""

    producers: int
    published: int
    """Records, since this process began."""
    failed: int
    circuit: EnumCircuitState
    healthy: bool
    detail: str
