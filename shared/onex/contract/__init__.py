"""Load, validate and resolve contracts, and check node classes against them."""

from onex.contract.load import find_contracts, load_contract, parse_contract
from onex.contract.resolve import resolve_node
from onex.contract.resolved import ResolvedNode, Route
from onex.contract.schema import contract_json_schema

__all__ = [
    "ResolvedNode",
    "Route",
    "contract_json_schema",
    "find_contracts",
    "load_contract",
    "parse_contract",
    "resolve_node",
]
