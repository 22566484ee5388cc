"""Configuration of connection pools."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelConnectionPoolingSubcontract(Subcontract):
    """The pool that the nodes of a process share."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    min_connections: int = Field(default=1, ge=0, le=1_000)
    """Connections that stay open."""
    max_connections: int = Field(default=10, ge=1, le=1_000)
    """Most connections. Further callers wait."""
    acquire_timeout_seconds: float = Field(default=10.0, gt=0, le=300)
    """Seconds that a caller waits for a free connection."""
    leak_after_seconds: float = Field(default=0.0, ge=0, le=86_400)
    """Log a connection that is not returned after this time, once, with the stack that took it. 0 keeps no stacks."""
