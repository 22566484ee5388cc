"""Configuration of effect handlers."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelEffectHandlerSubcontract(Subcontract):
    """How handlers are created, cached and called."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    enable_handler_registry: bool = True
    """Whether handlers may be registered. With False every effect is refused."""
    enable_handler_validation: bool = True
    """Refuse a handler without ``async def handle(payload)``, at its first use."""
    enable_handler_caching: bool = True
    """Use a handler for several calls. With False each call creates its own handler."""
    handler_cache_ttl_seconds: int = Field(default=300, ge=10, le=3_600)
    """Lifetime of a cached handler, in seconds."""
    enable_handler_lifecycle: bool = True
    """Call ``open`` before the first use of a handler and ``close`` after the last, if the handler has them."""
    max_concurrent_handlers: int = Field(default=100, ge=1, le=1_000)
    """Concurrent calls. Further calls wait."""
    handler_timeout_ms: int = Field(default=30_000, ge=1_000, le=300_000)
    """A call that takes longer is cancelled."""
