"""Make the node object of a resolved contract."""

from onex.capability import Container, NodeIdentity
from onex.capability.container import ServiceRegistry
from onex.capability.contracts import ProtocolContractReader
from onex.capability.host import standard_services
from onex.contract.reader import ContractReader
from onex.contract.resolved import ResolvedNode
from onex.errors import ConfigurationError
from onex.node import Node


def create_node(resolved: ResolvedNode, services: ServiceRegistry | None = None) -> Node:
    """Return a new node. Its container holds the configuration of its capabilities, and their collaborators.

    Collaborators come from ``services``; without it they are the clock of the machine and nothing else. Raise
    ConfigurationError when the contract names variables that were not looked up.
    """
    contract = resolved.contract
    if resolved.missing:
        raise ConfigurationError(
            f"{contract.name}: {', '.join(sorted(resolved.missing))} of the contract must come from the environment; "
            "pass an environment to resolve_node, or write ${VAR:-default} in the contract"
        )
    if services is None:
        services = standard_services(NodeIdentity(contract.name, str(contract.contract_version)))
    services.value(ProtocolContractReader, ContractReader())
    for model, subcontract in resolved.subcontracts.items():
        services.value(model, subcontract)
    node = resolved.node_class.__new__(resolved.node_class)
    node.container = Container(services)  # before its __init__, which may use capabilities
    node.__init__(resolved.config)  # type: ignore[misc]  # it is of exactly this class
    return node
