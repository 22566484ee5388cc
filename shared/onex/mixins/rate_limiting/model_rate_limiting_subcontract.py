"""Configuration of rate limits."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelRateLimitingSubcontract(Subcontract):
    """How often messages may be handled, and other things done. Source: seed 001, MixinRateLimiting."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    permits_per_second: float = Field(default=100.0, gt=0, le=1_000_000)
    """In the long run."""
    burst: int = Field(default=10, ge=1, le=1_000_000)
    """At once, after a time without any."""
    per_key: bool = False
    """Each key has this limit for itself: those of messages, or those that ``acquire`` is given."""
    max_keys: int = Field(default=10_000, ge=1, le=10_000_000)
    """Keys that are remembered; the one that was not used for the longest time is forgotten first."""
    max_wait_seconds: float = Field(default=1.0, ge=0, le=300)
    """How long a call waits for its turn. A message whose turn is later is put aside, and no attempt is counted."""
    limit_messages: bool = True
    """Messages need a permit each; False leaves it to the node to ask."""
    cluster_wide: bool = False
    """The limit is of all instances together: each has the share that its partitions are of all."""
