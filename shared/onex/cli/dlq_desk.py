"""Desks of the nodes that a command is about, and who stands at them."""

import getpass
import socket
from collections.abc import Iterator
from typing import Annotated

import typer

from onex.cli.bus import open_own_bus
from onex.cli.nodes import find_node, resolve_all
from onex.connect import open_catalogue
from onex.contract import resolve_node
from onex.dlq import Author, DeadLetterManager
from onex.model.contract import ModelContract
from onex.settings import Settings

Node = Annotated[str, typer.Option("--node", help="Only of this node.")]
Who = Annotated[str, typer.Option("--as", help="Who does it, for the audit. Default: user@host.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, for the audit.")]
Why = Annotated[str, typer.Option("--why", help="Why, for the audit.")]


def author_of(who: str, why: str) -> Author:
    """The one given, or the user of this process."""
    return Author(who or f"{getpass.getuser()}@{socket.gethostname()}", why)


def desk_of(settings: Settings, node: str, author: Author | None = None) -> tuple[ModelContract, DeadLetterManager]:
    """The desk of one node; raises ConfigurationError for unknown ones, BusError."""
    bus = open_own_bus(settings)
    resolved = resolve_node(find_node(node, settings), settings.topic_prefix)
    catalogue = open_catalogue(settings, bus)
    return resolved.contract, DeadLetterManager(bus, catalogue, resolved, author or author_of("", ""), settings.env)


def desks(settings: Settings, node: str) -> Iterator[tuple[ModelContract, DeadLetterManager]]:
    """The desk of one node, or of all."""
    if node:
        yield desk_of(settings, node)
        return
    bus = open_own_bus(settings)
    catalogue = open_catalogue(settings, bus)
    for resolved in resolve_all(settings):
        yield resolved.contract, DeadLetterManager(bus, catalogue, resolved, author_of("", ""), settings.env)
