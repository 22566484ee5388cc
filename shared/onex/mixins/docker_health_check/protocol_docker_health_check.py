"""Interface of the check of the Docker engine."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class DiskUse:
    """What the engine stores, in bytes."""

    images: int
    containers: int
    volumes: int
    build_cache: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.images + self.containers + self.volumes + self.build_cache


class ProtocolDockerHealth(Protocol):
    """Checks that the engine responds, is new enough, and has space."""

    async def look(self) -> str:
        """Check the engine now. Return what is wrong, or an empty string."""
        ...

    async def disk(self) -> DiskUse:
        """Measure the disk now. Raise OutageError while the engine is away."""
        ...
