"""Contracts for who wants to look at them, not to run them."""

from collections.abc import Mapping
from pathlib import Path

from onex.capability import LoadedContract, Subcontract
from onex.contract.check import Checker
from onex.contract.compose import compose
from onex.contract.load import FILE_NAME, load_contract, load_known_keys
from onex.contract.yaml_lines import read_yaml
from onex.model.contract import ModelContract
from onex.model.enums import EnumNodeKind
from onex.node import Node, NodeCompute, NodeEffect, NodeOrchestrator, NodeReducer

_BASES: Mapping[EnumNodeKind, type[Node]] = {
    EnumNodeKind.COMPUTE: NodeCompute,
    EnumNodeKind.EFFECT: NodeEffect,
    EnumNodeKind.REDUCER: NodeReducer,
    EnumNodeKind.ORCHESTRATOR: NodeOrchestrator,
}


class ContractReader:
    """See :class:`ProtocolContractReader`."""

    def read(self, path: Path, *, strict: bool, checked: bool, composed: bool) -> LoadedContract:
        """See the protocol."""
        from onex.contract.resolve import resolve_node  # which gives this reader to the nodes it makes

        file = path / FILE_NAME if path.is_dir() else path
        contract = load_contract(file) if strict else load_known_keys(file)
        subcontracts: Mapping[type[Subcontract], Subcontract] = {}
        if checked:
            subcontracts = resolve_node(file).subcontracts
        elif composed:
            subcontracts = _composed(contract, file)
        return LoadedContract(contract, file, subcontracts if composed else {})


def _composed(contract: ModelContract, file: Path) -> Mapping[type[Subcontract], Subcontract]:
    """On a bare node of the right kind: its own class is not looked at."""
    _, lines = read_yaml(file)
    checker = Checker(file, lines)
    _, subcontracts = compose(contract, _BASES[contract.node_type], checker)
    checker.raise_if_any()
    return subcontracts
