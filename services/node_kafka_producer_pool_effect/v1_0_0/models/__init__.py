"""Records to write, and the state of the pool."""

from enum import StrEnum

from pydantic import Field

from onex.mixins.circuit_breaker import EnumCircuitState
from onex.node import Message


class EnumEncoding(StrEnum):
    """Encoding of bytes in a text."""

    TEXT = "text"
    """UTF-8."""
    BASE64 = "base64"


class RecordToPublish(Message):
    """One record to write."""

    value: str | None = None
    """None writes a tombstone."""
    key: str = ""
    """Empty: any partition."""
    encoding: EnumEncoding = EnumEncoding.TEXT
    """Encoding of ``value``."""
    headers: dict[str, str] = Field(default_factory=dict)


class PublishRecords(Message, key="topic"):
    """Write records, in order for each key. A second delivery writes them again, with the same ``ce_id`` each."""

    topic: str = Field(min_length=1, max_length=249, pattern=r"^[a-zA-Z0-9._-]+$")
    records: tuple[RecordToPublish, ...] = Field(min_length=1, max_length=10_000)


class RecordsPublished(Message):
    """All in-sync replicas have acknowledged all records."""

    topic: str
    count: int


class ReportPool(Message):
    """Ask for the state of the pool."""


class PoolReported(Message):
    """The state of the pool."""

    producers: int
    published: int
    """Records since the process started."""
    failed: int
    circuit: EnumCircuitState
    healthy: bool
    detail: str
