"""How an engine reads contracts, without knowing how they are written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from onex.capability.mixin import Subcontract
from onex.errors import CompositionError
from onex.model.contract import ModelContract


@dataclass(frozen=True, slots=True)
class LoadedContract:
    """A contract that was read."""

    contract: ModelContract
    file: Path
    subcontracts: Mapping[type[Subcontract], Subcontract] = field(default_factory=dict)
    """Configuration of its capabilities, where that was asked for."""


class ProtocolContractReader(Protocol):
    """Reads contracts of nodes."""

    def read(self, path: Path, *, strict: bool, checked: bool, composed: bool) -> LoadedContract:
        """The contract at ``path``, a file or folder.

        ``strict`` refuses keys that nobody knows; ``checked`` looks at the node's class and models too; ``composed``
        gives the configuration of its capabilities. Raises ContractError with every problem.
        """
        ...


class NoContracts:
    """Of a node that was not made from a contract."""

    def read(self, path: Path, *, strict: bool, checked: bool, composed: bool) -> LoadedContract:
        """Raises CompositionError."""
        raise CompositionError("nothing reads contracts; register a ProtocolContractReader")
