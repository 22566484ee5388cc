"""What a node may do with contracts."""

from pathlib import Path
from typing import Protocol

from onex.capability.contracts import LoadedContract


class ProtocolContractLoader(Protocol):
    """Contracts of nodes, by their file or folder."""

    def load(self, path: Path) -> LoadedContract:
        """Raises ContractError with every problem of the contract."""
        ...

    def forget(self) -> None:
        """Read all of them again when they are asked for."""
        ...
