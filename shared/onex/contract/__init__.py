"""Load, validate and resolve contracts; check node classes against them."""

from onex.contract.load import find_contracts, load_contract, parse_contract
from onex.contract.resolve import ResolvedNode, Route, earlier_versions, resolve_node
from onex.contract.schema import contract_json_schema

__all__ = [
    "ResolvedNode",
    "Route",
    "contract_json_schema",
    "earlier_versions",
    "find_contracts",
    "load_contract",
    "parse_contract",
    "resolve_node",
]
