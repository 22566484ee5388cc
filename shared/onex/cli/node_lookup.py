"""Finds nodes by name or path, and commands by name or topic."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from onex.cli.installed_nodes import SCHEDULER, installed_node
from onex.contract import ResolvedNode, resolve_node
from onex.contract.load import FILE_NAME
from onex.contract.versions import newest_contracts, version_of
from onex.errors import ConfigurationError, ContractError, ContractProblem
from onex.model.message import Message
from onex.model.topic import TopicName, is_foreign
from onex.provisioning.declared import Declared, declare
from onex.settings import Settings


@dataclass(frozen=True, slots=True)
class Addressee:
    """An input topic, its message type, and the node that reads it."""

    topic: str
    model: type[Message]
    node: ResolvedNode


def resolve_all(settings: Settings) -> list[ResolvedNode]:
    """Return the newest version of each major version of every node below the service folders.

    Nodes with schedules need the scheduler: the installed one is added unless the folders have it. Raise
    ContractError with the problems of all contracts.
    """
    problems: list[ContractProblem] = []
    found: list[ResolvedNode] = []
    for file in newest_contracts(settings.services):
        try:
            found.append(resolve_node(file, settings.topic_prefix))
        except ContractError as error:
            problems += error.problems
    if problems:
        raise ContractError(problems)
    if any(node.contract.schedules for node in found):
        scheduler = scheduler_node(settings, found)
        found += [] if scheduler in found else [scheduler]
    return found


def scheduler_node(settings: Settings, nodes: Sequence[ResolvedNode]) -> ResolvedNode:
    """Return the scheduler among these nodes, or else the installed one. Raise ConfigurationError."""
    for node in nodes:
        if node.contract.name == SCHEDULER:
            return node
    files = installed_node(SCHEDULER)
    if not files:
        raise ConfigurationError(
            f"schedules need {SCHEDULER}, which no installed package provides; install onex again"
        )
    return resolve_node(newest_contracts(files)[0], settings.topic_prefix)


def declared_by(settings: Settings, nodes: Sequence[ResolvedNode]) -> Declared:
    """Return the topics and schemas that nodes declare with these settings. Raise ProvisioningError."""
    return declare(
        nodes,
        settings.replication_factor,
        settings.max_message_bytes,
        env=settings.env,
        prefix=settings.topic_prefix,
    )


def find_node(name: str, settings: Settings) -> Path:
    """Return the folder of the newest version of a node, by path or name. Raise ConfigurationError.

    A name is looked up below the service folders, then in installed packages.
    """
    path = Path(name)
    files = [path] if path.is_file() else list(path.rglob(FILE_NAME)) if path.exists() else []
    if not files:
        below = (file for root in settings.services for file in root.rglob(FILE_NAME))
        files = [file for file in below if file.parent.parent.name == name] or installed_node(name)
    if not files:
        roots = ", ".join(map(str, settings.services))
        raise ConfigurationError(
            f"no node {name!r} below {roots} or in installed packages; give a path, or --services FOLDER"
        )
    folders = [file.resolve().parent for file in newest_contracts(files)]
    nodes = sorted({folder.parent.name for folder in folders})
    if len(nodes) > 1:
        raise ConfigurationError(f"{name} contains {len(nodes)} nodes: {', '.join(nodes)}; pass the folder of one")
    return max(folders, key=lambda folder: version_of(folder) or ())


def find_addressee(name: str, nodes: Sequence[ResolvedNode]) -> Addressee:
    """Return the input of ``orders.place-order``, ``PlaceOrder`` or a full topic name. Raise ConfigurationError."""
    by_alias: dict[str, Addressee] = {}
    for node in nodes:
        for route in node.all_routes:
            topic = route.topic
            addressee = Addressee(topic, route.model, node)
            if is_foreign(topic):
                by_alias.setdefault(topic, addressee)
                by_alias.setdefault(route.model.__name__, addressee)
                continue
            parsed = TopicName.parse(topic)
            for alias in (
                topic,
                parsed.message_type,
                f"{parsed.owner}.{parsed.name}",
                parsed.name,
                route.model.__name__,
            ):
                if parsed.category == "cmd" or alias in (topic, parsed.message_type):
                    by_alias.setdefault(alias, addressee)
    if name not in by_alias:
        commands = sorted(alias for alias, found in by_alias.items() if "." in alias and alias != found.topic)
        raise ConfigurationError(f"no node takes {name!r}; commands here: {', '.join(commands) or 'none'}")
    return by_alias[name]
