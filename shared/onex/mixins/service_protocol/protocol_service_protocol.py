"""Interface of the node's protocols."""

from collections.abc import Sequence
from typing import Protocol


class ProtocolServiceInterface(Protocol):
    """The protocols of the node."""

    @property
    def provided(self) -> Sequence[type]:
        """The protocols in the contract. Raises CompositionError for one that cannot be imported."""
        ...

    def implements(self, protocol: type) -> bool:
        """Return whether the node has every member of a protocol."""
        ...

    def missing(self, protocol: type) -> Sequence[str]:
        """Return the missing or different members, as text."""
        ...
