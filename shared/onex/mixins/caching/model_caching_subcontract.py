"""Configuration of caches."""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class EnumEviction(StrEnum):
    """The entry that a full cache removes."""

    LRU = "lru"
    """The least recently used one."""
    LFU = "lfu"
    """The least frequently used one."""
    FIFO = "fifo"
    """The oldest one."""


class ModelCachingSubcontract(Subcontract):
    """Size of the cache and lifetime of its entries."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=1, patch=0)

    enabled: bool = True
    """False stores nothing. Concurrent requests of a key still share one call of the loader."""
    max_entries: int = Field(default=10_000, ge=1, le=10_000_000)
    """Entries in the memory of a process."""
    eviction: EnumEviction = EnumEviction.LRU
    """The entry that a full cache removes."""
    ttl_seconds: float = Field(default=300.0, gt=0, le=86_400 * 30)
    """Lifetime of an entry, unless the caller passes another one. Results of pure calls have none."""
    ttl_jitter: float = Field(default=0.1, ge=0, le=1)
    """Share of the lifetime that is subtracted at random, so that entries of the same time do not expire together."""
    stale_if_error_seconds: float = Field(default=0.0, ge=0, le=86_400 * 30)
    """Seconds after its expiry in which an entry is still returned when the loader fails. 0 returns none."""
