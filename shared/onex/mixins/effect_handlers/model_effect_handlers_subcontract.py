"""Configuration of effect handlers."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelEffectHandlerSubcontract(Subcontract):
    """How handlers are kept and called. Source: seed 002."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    enable_handler_registry: bool = True
    """Whether handlers may be registered; else every effect is refused."""
    enable_handler_validation: bool = True
    """Refuse what has no ``async def handle(payload)``, at its first use."""
    enable_handler_caching: bool = True
    """A handler that was made is used again for a while; else each call gets one of its own."""
    handler_cache_ttl_seconds: int = Field(default=300, ge=10, le=3_600)
    """For how long."""
    enable_handler_lifecycle: bool = True
    """Call ``open`` before the first use of a handler and ``close`` after the last one, where it has them."""
    max_concurrent_handlers: int = Field(default=100, ge=1, le=1_000)
    """Calls under way at once; further ones wait."""
    handler_timeout_ms: int = Field(default=30_000, ge=1_000, le=300_000)
    """A call that takes longer is cancelled."""
