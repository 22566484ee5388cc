"""Configuration of rate limits."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelRateLimitingSubcontract(Subcontract):
    """Rates of messages and other work."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    permits_per_second: float = Field(default=100.0, gt=0, le=1_000_000)
    """Average rate."""
    burst: int = Field(default=10, ge=1, le=1_000_000)
    """Permits that are available together after a pause."""
    per_key: bool = False
    """A separate limit for each key: the keys of messages, or those passed to ``acquire``."""
    max_keys: int = Field(default=10_000, ge=1, le=10_000_000)
    """Keys in memory. The least recently used key is forgotten first."""
    max_wait_seconds: float = Field(default=1.0, ge=0, le=300)
    """Seconds that a call waits for a permit. A message that would wait longer is parked; no attempt is counted."""
    limit_messages: bool = True
    """Each message needs a permit. With False the node calls ``acquire`` itself."""
    cluster_wide: bool = False
    """One limit for all instances together. Each instance gets the share of its assigned partitions."""
