"""The dead letters of the nodes that a command names."""

import re
from collections.abc import Iterator
from typing import Annotated

import typer

from onex.cli.author import author_of
from onex.cli.bus import open_own_bus
from onex.cli.node_lookup import find_node, resolve_all
from onex.connect import open_catalogue
from onex.contract import resolve_node
from onex.contract.versions import newest_contracts, version_of
from onex.dlq import Audit, Author, DeadLetterManager
from onex.dlq.redirect_source import LetterSource
from onex.errors import ConfigurationError
from onex.model.contract import ModelContract
from onex.settings import Settings

_NODE_NAME = re.compile(r"node_[a-z0-9_]{1,200}")

Node = Annotated[str, typer.Option("--node", help="Only dead letters of this node.")]
OneNode = Annotated[str, typer.Option("--node", help="Name of the node that the dead letters belong to.")]
NodeName = Annotated[str, typer.Argument(help="Name of the node.")]
Place = Annotated[str, typer.Argument(help="PARTITION:OFFSET, as `onex dlq list` prints it.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what would change, and write nothing.")]


def manager_of(
    settings: Settings, node: str, author: Author | None = None
) -> tuple[ModelContract, DeadLetterManager]:
    """Return contract and dead letters of one node. Raise ConfigurationError for an unknown node, and BusError."""
    bus = open_own_bus(settings)
    resolved = resolve_node(find_node(node, settings), settings.topic_prefix)
    catalogue = open_catalogue(settings, bus)
    return resolved.contract, DeadLetterManager(bus, catalogue, resolved, author or author_of(), settings.env)


def audit_of(settings: Settings) -> Audit:
    """Return the audit of all nodes, also of those without a contract. Raise BusError."""
    bus = open_own_bus(settings)
    return Audit(bus, open_catalogue(settings, bus), settings.topic_prefix)


def managers_of(settings: Settings, node: str) -> Iterator[tuple[ModelContract, DeadLetterManager]]:
    """Yield contract and dead letters of the named node, or of all nodes for an empty name."""
    if node:
        yield manager_of(settings, node)
        return
    bus = open_own_bus(settings)
    catalogue = open_catalogue(settings, bus)
    for resolved in resolve_all(settings):
        yield resolved.contract, DeadLetterManager(bus, catalogue, resolved, author_of(), settings.env)


def find_source(name: str, major: int, settings: Settings) -> LetterSource:
    """Return the node of dead letters, by name or path, with its newest contract of a major version; 0 for any.

    A node without a contract is a source, too: it was renamed, or its version is over. Raise ConfigurationError.
    """
    try:
        folder = find_node(name, settings)
    except ConfigurationError:
        if not _NODE_NAME.fullmatch(name):
            raise
        return LetterSource(name, major or 1, settings.env, settings.topic_prefix)
    if major:
        versions = {version_of(file.resolve().parent): file.parent for file in newest_contracts([folder.parent])}
        of_major = [path for version, path in versions.items() if version is not None and version[0] == major]
        if not of_major:
            return LetterSource(folder.parent.name, major, settings.env, settings.topic_prefix)
        folder = of_major[0]
    resolved = resolve_node(folder, settings.topic_prefix)
    contract = resolved.contract
    version = contract.contract_version.major
    return LetterSource(contract.name, version, settings.env, settings.topic_prefix, resolved)
