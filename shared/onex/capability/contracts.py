"""Reading contracts from an engine, without knowledge of their format."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from typing_extensions import override

from onex.capability.mixin import Subcontract
from onex.errors import CompositionError
from onex.model.contract import ModelContract


@dataclass(frozen=True, slots=True)
class LoadedContract:
    """A contract, and the file that it came from."""

    contract: ModelContract
    file: Path
    subcontracts: Mapping[type[Subcontract], Subcontract] = field(default_factory=dict)
    """Configuration of its capabilities. Empty unless the reader was called with ``composed``."""


class ProtocolContractReader(Protocol):
    """Reads contracts of nodes."""

    def read(self, path: Path, *, strict: bool, checked: bool, composed: bool) -> LoadedContract:
        """Return the contract at ``path``, a file or folder.

        ``strict`` refuses unknown keys. ``checked`` also checks the node's class and models. ``composed`` adds the
        configuration of the capabilities. Raise ContractError with every problem.
        """
        ...


class NoContracts(ProtocolContractReader):
    """The reader of a node that was not created from a contract."""

    @override
    def read(self, path: Path, *, strict: bool, checked: bool, composed: bool) -> LoadedContract:
        """Raise CompositionError."""
        raise CompositionError("no contract reader; register a ProtocolContractReader")
