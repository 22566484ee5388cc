"""Load, validate and resolve contracts, and check node classes against them."""

from onex.contract.create_node import create_node
from onex.contract.load import FILE_NAME, find_contracts, load_contract, parse_contract, parse_with_variables
from onex.contract.reader import composed_alone
from onex.contract.resolve import earlier_versions, resolve_node
from onex.contract.resolved import ResolvedNode, Route
from onex.contract.schema import contract_json_schema
from onex.contract.signature import may_return_none
from onex.contract.versions import find_version, newest_contracts, version_of

__all__ = [
    "FILE_NAME",
    "ResolvedNode",
    "Route",
    "composed_alone",
    "contract_json_schema",
    "create_node",
    "earlier_versions",
    "find_contracts",
    "find_version",
    "load_contract",
    "may_return_none",
    "newest_contracts",
    "parse_contract",
    "parse_with_variables",
    "resolve_node",
    "version_of",
]
