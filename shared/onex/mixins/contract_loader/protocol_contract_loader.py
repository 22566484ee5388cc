"""Interface of the contract loader."""

from pathlib import Path
from typing import Protocol

from onex.capability.contracts import LoadedContract


class ProtocolContractLoader(Protocol):
    """Contracts of nodes, by their file or folder."""

    def load(self, path: Path) -> LoadedContract:
        """Return the contract at ``path``. Raise ContractError with every problem of the contract."""
        ...

    def forget(self) -> None:
        """Empty the cache."""
        ...
