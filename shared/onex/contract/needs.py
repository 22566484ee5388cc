"""Servers that a node needs, in addition to Kafka."""

from onex.contract.resolved import ResolvedNode
from onex.model.enums import EnumNodeKind


def needs_database(node: ResolvedNode) -> bool:
    """Return whether a node connects to PostgreSQL."""
    if node.contract.node_type is not EnumNodeKind.EFFECT:
        return False
    declared = any(dependency.module == "asyncpg" for dependency in node.contract.dependencies)
    return declared or "MixinDatabase" in node.node_class.capabilities.names
