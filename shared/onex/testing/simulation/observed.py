"""What a node did to its inputs in a run: outputs by the input that caused them, dead letters, state."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from pydantic import JsonValue

from onex.bus.protocols import Outgoing, Partition, ProtocolRecord
from onex.contract import ResolvedNode
from onex.errors import PoisonError
from onex.mesh.states import StateReader
from onex.schema import codec_of
from onex.testing.cases import Named
from onex.testing.driver import MeshDriver, is_of_type
from onex.wire import dead_letter as d
from onex.wire import headers as h

_CALM_CLOCKS = (0.0, 90_061.0)
"""Seconds by which the clocks of the two calm runs are moved: a value that depends on time differs between them."""
_ANY = "*"


@dataclass(frozen=True, slots=True)
class Observed:
    """One node in one run. Ids are those of input messages."""

    inputs: Counter[str]
    """How often each input is in the input topics: a sender may repeat a message."""
    outputs: Mapping[str, list[Named]]
    dead: Mapping[str, list[str]]
    """Failure classes of the dead letters."""
    states: Mapping[str, JsonValue]
    """By key."""
    unstable: frozenset[str] = frozenset()
    """Inputs whose outputs differ in number between two calm runs: nothing can be expected of them."""


def observe(mesh: MeshDriver, node: ResolvedNode) -> Observed:
    """Return what a node did in a mesh that is at rest."""
    outputs: dict[str, list[Named]] = defaultdict(list)
    for model, topic in node.outputs.items():
        codec = codec_of(node.contract.event_bus, model, topic, mesh.catalogue)
        is_of = partial(is_of_type, node.contract.event_bus, mesh.catalogue, model)
        for record in filter(is_of, outputs_of(mesh, node, topic)):
            content = codec.decode(record.value()).model_dump(mode="json")
            outputs[header(record, h.CAUSATION)].append({model.__name__: content})
    dead: dict[str, list[str]] = defaultdict(list)
    for record in mesh.records(node.contract.dead_letter_topic):
        dead[header(record, d.MESSAGE_ID)].append(header(record, d.CLASS))
    states: dict[str, JsonValue] = {}
    if node.contract.node_type.is_stateful:
        for key, state in StateReader(mesh.bus, mesh.catalogue, node).scan():
            states[key] = json.loads(state.model_dump_json())
    inputs = Counter(header(record, h.ID) for record in inputs_of(mesh, node))
    return Observed(inputs, outputs, dead, states)


def replayed(mesh: MeshDriver, node: ResolvedNode) -> Observed:
    """Carry the records of a node's input topics again, in a mesh without faults; return what the node does.

    Values that differ between two such runs are replaced by ``"*"``: times and random ids, for example.
    """
    first, second = (_calm(mesh, node, seconds) for seconds in _CALM_CLOCKS)
    outputs: dict[str, list[Named]] = {}
    unstable: set[str] = set()
    for identity in first.inputs:
        messages, others = first.outputs.get(identity, []), second.outputs.get(identity, [])
        if [*map(_name_of, messages)] != [*map(_name_of, others)]:
            unstable.add(identity)
            continue
        outputs[identity] = [_masked_message(*pair) for pair in zip(messages, others, strict=True)]
    states = {key: _masked(state, second.states.get(key)) for key, state in first.states.items()}
    return Observed(first.inputs, outputs, first.dead, states, frozenset(unstable))


def _calm(mesh: MeshDriver, node: ResolvedNode, seconds: float) -> Observed:
    calm = MeshDriver(mesh.nodes)
    try:
        for instance in calm.instances:
            instance.muted = instance.resolved.contract.name != node.contract.name
        calm.clock.move_to(seconds)
        for record in inputs_of(mesh, node):
            headers = [pair for pair in record.headers() or [] if pair[0] != h.DEADLINE]
            calm.bus.publish(Outgoing(record.topic(), record.value(), record.key(), headers, record.partition()))
        calm.advance("1h")  # an effect may retry by itself
        return observe(calm, node)
    finally:
        calm.close()


def inputs_of(mesh: MeshDriver, node: ResolvedNode) -> Iterator[ProtocolRecord]:
    """Yield the records of a node's input topics, by topic, partition and offset."""
    for topic in node.routes:
        yield from mesh.records(topic)


def outputs_of(mesh: MeshDriver, node: ResolvedNode, topic: str) -> Iterator[ProtocolRecord]:
    """Yield the records of a topic that a node published."""
    source = f"/onex/{node.contract.name}/{node.contract.contract_version}"
    return (record for record in mesh.records(topic) if header(record, h.SOURCE) == source)


def place_of(record: ProtocolRecord) -> Partition:
    """Return the partition of a record."""
    return Partition(record.topic(), record.partition())


def header(record: ProtocolRecord, name: str) -> str:
    """Return a header as text; empty where there is none."""
    try:
        headers = record.headers()
    except PoisonError:
        return ""
    return dict(headers or []).get(name, b"").decode(errors="replace")


def _name_of(message: Named) -> str:
    return next(iter(message))


def _masked_message(first: Named, second: Named) -> Named:
    """Return a message whose fields are masked. Both are of the same type."""
    return {
        name: {field: _masked(value, second[name].get(field)) for field, value in content.items()}
        for name, content in first.items()
    }


def _masked(first: JsonValue, second: JsonValue) -> JsonValue:
    """Return ``first``, with ``"*"`` in place of values that differ from those of ``second``."""
    match first, second:
        case dict(), dict() if first.keys() == second.keys():
            return {name: _masked(value, second[name]) for name, value in first.items()}
        case list(), list() if len(first) == len(second):
            return [_masked(*pair) for pair in zip(first, second, strict=True)]
        case _:
            return first if first == second else _ANY
