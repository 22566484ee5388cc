"""What a node may ask about its protocols."""

from collections.abc import Sequence
from typing import Protocol


class ProtocolServiceInterface(Protocol):
    """Protocols of the node."""

    @property
    def provided(self) -> Sequence[type]:
        """Those that the contract names. Raises CompositionError for one that cannot be imported."""
        ...

    def implements(self, protocol: type) -> bool:
        """Whether the node has everything that a protocol asks for."""
        ...

    def missing(self, protocol: type) -> Sequence[str]:
        """What it lacks, in words."""
        ...
