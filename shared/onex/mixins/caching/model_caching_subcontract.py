"""Configuration of caches."""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class EnumEviction(StrEnum):
    """What goes first when a cache is full."""

    LRU = "lru"
    """What was not asked for for the longest time."""
    LFU = "lfu"
    """What was asked for least often."""
    FIFO = "fifo"
    """What was put in first."""


class ModelCachingSubcontract(Subcontract):
    """How much is kept, and for how long. Source: seed 001, MixinCaching."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    enabled: bool = True
    """False keeps nothing; what many want at the same time is still asked for once."""
    max_entries: int = Field(default=10_000, ge=1, le=10_000_000)
    """In the memory of a process."""
    eviction: EnumEviction = EnumEviction.LRU
    """What goes first when it is full."""
    ttl_seconds: float = Field(default=300.0, gt=0, le=86_400 * 30)
    """How long an entry is used, where whoever puts it in does not say."""
    ttl_jitter: float = Field(default=0.1, ge=0, le=1)
    """Share of that time taken off at random, so that what came together does not go together."""
    stale_if_error_seconds: float = Field(default=0.0, ge=0, le=86_400 * 30)
    """For so long after its time an entry is given where the dependency fails; 0 gives none."""
