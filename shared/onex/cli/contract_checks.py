"""Finds problems of contracts and node classes that ``onex plan``, ``onex up`` or an agent would report later."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from onex.agent.process.durations import check_times
from onex.contract import ResolvedNode, load_contract, resolve_node
from onex.contract.load import FILE_NAME
from onex.contract.yaml_lines import Lines, Location, dotted, line_of, read_yaml
from onex.errors import ConfigurationError, ContractError, ContractProblem, ProvisioningError
from onex.model.message import Message
from onex.provisioning.declared import declare
from onex.schema import avro_schema
from onex.schema.types import UnsupportedTypeError
from onex.settings import Settings


def contract_of(path: Path) -> Path:
    """Return the contract of the node that a Python file belongs to, and other paths as they are.

    Raises ContractError for a Python file that no node has.
    """
    if path.suffix != ".py":
        return path
    for folder in path.parents:
        if (contract := folder / FILE_NAME).is_file():
            return contract
    what, remedy = f"is in no folder with a {FILE_NAME}", "name a contract, or a file of a node"
    raise ContractError([ContractProblem(path, 1, "path", what, remedy)])


def validated(files: Sequence[Path], *, shape_only: bool) -> list[ContractProblem]:
    """Return the problems of each contract, or else those of all contracts together."""
    problems: list[ContractProblem] = []
    nodes: dict[Path, ResolvedNode] = {}
    for file in files:
        try:
            if shape_only or not file.with_name("node.py").exists():
                load_contract(file)
            else:
                nodes[file] = resolve_node(file)
                problems += _later(nodes[file], file)
        except ContractError as error:
            problems += error.problems
    if not problems:
        problems += _together(nodes)
    return problems


def _together(nodes: Mapping[Path, ResolvedNode]) -> Iterator[ContractProblem]:
    """Yield contradictions between nodes, in the newest version of each major version."""
    newest: dict[tuple[str, int], Path] = {}
    for file in sorted(nodes, key=lambda each: _version(nodes[each])):
        newest[nodes[file].contract.name, nodes[file].contract.contract_version.major] = file
    settings = Settings.load()
    try:
        declare((nodes[file] for file in newest.values()), settings.replication_factor, settings.max_message_bytes)
    except ProvisioningError as error:
        what, _, remedy = str(error).partition("; ")
        named = [file for file in newest.values() if nodes[file].contract.name in what]
        place = (named or list(newest.values()))[-1]
        yield ContractProblem(place, 1, "event_bus", what, remedy or "make the contracts agree")


def _version(node: ResolvedNode) -> tuple[int, int, int]:
    version = node.contract.contract_version
    return version.major, version.minor, version.patch


def _later(node: ResolvedNode, file: Path) -> Iterator[ContractProblem]:
    lines = read_yaml(file)[1]
    bus = node.contract.event_bus
    inputs = [(route.topic, route.model) for route in node.all_routes]
    outputs = [(topic, model) for model, topic in node.outputs.items()]
    for field, topics, models in (
        ("subscribe_topics", bus.subscribe_topics, inputs),
        ("publish_topics", bus.publish_topics, outputs),
    ):
        for index, topic in enumerate(topics):
            for model in (model for carrier, model in models if carrier == topic):
                yield from _sendable(model, ("event_bus", field, index), file, lines)
    if node.state_model is not None:
        yield from _sendable(node.state_model, ("definitions", "state"), file, lines)
    try:
        check_times(node.contract, Settings.load())
    except ConfigurationError as error:
        yield _problem(("delivery", "timeout"), str(error), file, lines)


def _sendable(model: type[Message], at: Location, file: Path, lines: Lines) -> Iterator[ContractProblem]:
    try:
        avro_schema(model)
    except UnsupportedTypeError as error:
        yield _problem(at, str(error), file, lines)


def _problem(at: Location, words: str, file: Path, lines: Lines) -> ContractProblem:
    what, _, remedy = words.partition("; ")
    return ContractProblem(file, line_of(lines, at), dotted(at), what, remedy or "see docs/messages.md")
