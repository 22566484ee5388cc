"""The dead letters of the nodes that a command names."""

from collections.abc import Iterator
from typing import Annotated

import typer

from onex.cli.author import author_of
from onex.cli.bus import open_own_bus
from onex.cli.node_lookup import find_node, resolve_all
from onex.connect import open_catalogue
from onex.contract import resolve_node
from onex.dlq import Author, DeadLetterManager
from onex.model.contract import ModelContract
from onex.settings import Settings

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


def managers_of(settings: Settings, node: str) -> Iterator[tuple[ModelContract, DeadLetterManager]]:
    """Yield contract and dead letters of the named node, or of all nodes for an empty name."""
    if node:
        yield manager_of(settings, node)
        return
    bus = open_own_bus(settings)
    catalogue = open_catalogue(settings, bus)
    for resolved in resolve_all(settings):
        yield resolved.contract, DeadLetterManager(bus, catalogue, resolved, author_of(), settings.env)
