"""Reads contracts for callers that do not run their nodes."""

from collections.abc import Mapping
from pathlib import Path

from typing_extensions import override

from onex.capability import Subcontract
from onex.capability.contracts import LoadedContract, ProtocolContractReader
from onex.contract.capabilities import compose
from onex.contract.checker import Checker
from onex.contract.load import read_contract
from onex.contract.resolve import resolve_node
from onex.contract.variables import Variables
from onex.model.contract import ModelContract
from onex.model.enums import EnumNodeKind
from onex.node import Node, NodeCompute, NodeEffect, NodeOrchestrator, NodeReducer

BASES: Mapping[EnumNodeKind, type[Node]] = {
    EnumNodeKind.COMPUTE: NodeCompute,
    EnumNodeKind.EFFECT: NodeEffect,
    EnumNodeKind.REDUCER: NodeReducer,
    EnumNodeKind.ORCHESTRATOR: NodeOrchestrator,
}


class ContractReader(ProtocolContractReader):
    """Reads contracts from disk. It looks up no variables: the environment is that of the reading process."""

    @override
    def read(self, path: Path, *, strict: bool, checked: bool, composed: bool) -> LoadedContract:
        contract, variables = read_contract(path, strict=strict)
        subcontracts: Mapping[type[Subcontract], Subcontract] = {}
        if checked:
            subcontracts = resolve_node(variables.file).subcontracts
        elif composed:
            subcontracts = composed_alone(contract, variables)
        return LoadedContract(contract, variables.file, subcontracts if composed else {})


def composed_alone(contract: ModelContract, variables: Variables) -> Mapping[type[Subcontract], Subcontract]:
    """Return the subcontracts on a bare node of the right kind, without the node's class. Raise ContractError."""
    checker = Checker(variables)
    _, subcontracts = compose(contract, BASES[contract.node_type], checker)
    checker.raise_if_any()
    return subcontracts
