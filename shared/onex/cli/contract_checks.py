"""What ``onex plan``, ``onex up`` or an agent would refuse later, found in contracts and their classes."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from onex.agent.times import check_times
from onex.bus.declared import declare
from onex.bus.schema import avro_schema
from onex.bus.schema.types import UnsupportedTypeError
from onex.contract import ResolvedNode, load_contract, resolve_node
from onex.contract.yaml_lines import Lines, Location, dotted, line_of, read_yaml
from onex.model.errors import ConfigurationError, ContractError, ContractProblem, ProvisioningError
from onex.model.message import Message
from onex.settings import Settings


def validated(files: Sequence[Path], *, shape_only: bool) -> list[ContractProblem]:
    """All problems of these contracts, each by itself and all together."""
    problems: list[ContractProblem] = []
    nodes: list[ResolvedNode] = []
    for file in files:
        try:
            if shape_only or not file.with_name("node.py").exists():
                load_contract(file)
            else:
                nodes.append(node := resolve_node(file))
                problems += _later(node, file)
        except ContractError as error:
            problems += error.problems
    if not problems and nodes:
        settings = Settings.load()
        try:
            declare(nodes, settings.replication_factor, settings.max_message_bytes)
        except ProvisioningError as error:
            what, _, remedy = str(error).partition("; ")
            problems.append(ContractProblem(files[0], 1, "event_bus", what, remedy or "make the contracts agree"))
    return problems


def _later(node: ResolvedNode, file: Path) -> Iterator[ContractProblem]:
    lines = read_yaml(file)[1]
    bus = node.contract.event_bus
    taken = {topic: route.model for topic, route in node.routes.items()}
    given = {topic: model for model, topic in node.outputs.items()}
    for field, topics, models in (
        ("subscribe_topics", bus.subscribe_topics, taken),
        ("publish_topics", bus.publish_topics, given),
    ):
        for index, topic in enumerate(topics):
            yield from _sendable(models[topic], ("event_bus", field, index), file, lines)
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
