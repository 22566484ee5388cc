"""A failed simulation as text: its seed, its actions in words, and a case for ``cases.yaml``."""

from collections.abc import Mapping, Sequence
from typing import Final

import yaml

from onex.bus.protocols import ProtocolRecord
from onex.errors import MessageError
from onex.schema import TopicCodecs
from onex.testing.simulation.invariants import InvariantError, SimulatedRun
from onex.testing.simulation.observed import header, inputs_of
from onex.testing.simulation.schedule import Action
from onex.wire import headers as h
from onex.wire.foreign_headers import headers_of

WORDS: Final[Mapping[str, str]] = {
    "step": "an instance carries a batch",
    "send": "messages are sent",
    "repeat": "a message is sent again, with the same id",
    "wait": "time passes",
    "crash": "an instance is killed and started again",
    "join": "another instance starts",
    "leave": "an instance stops in order",
    "abort": "the next commit of an instance is refused",
    "lose": "the next commit of an instance succeeds, and its response is lost",
    "fail": "the next call of a handler fails",
    "slow": "the next call of a handler takes longer",
    "deny": "the dead-letter topic of a node refuses records",
    "allow": "all topics take records again",
    "hang": "an instance does nothing until it is released",
    "expel": "the group gives up an instance, which joins again",
    "stall": "an instance is stopped inside of its next transaction",
    "rewind": "a client returns to the earliest records",
}
"""What each action means."""
_OF_THE_MESH = ("ce_", "onex-", "content-type", "traceparent", "tracestate")
"""Beginnings of the headers that the mesh writes itself."""


def story_of(actions: Sequence[tuple[Action, str]]) -> list[str]:
    """Return a numbered line for each action. The text of an action says what it did."""
    return [
        f"{number}. {WORDS.get(action.name, action.name)}{f': {text}' if text else ''}"
        for number, (action, text) in enumerate(actions, 1)
    ]


def _headers(field: str, record: ProtocolRecord) -> dict[str, object]:
    """Return the headers of a record that its case has, under ``field``; nothing for a record without any."""
    names = {name for name, _ in record.headers() or []}
    own = {name: header(record, name) for name in sorted(names) if not name.startswith(_OF_THE_MESH)}
    return {field: own} if own else {}


def case_of(run: SimulatedRun, broken: InvariantError, seed: int) -> str:
    """Return a case, as YAML, with the input, the inputs of its key before it, and the right result."""
    node, records = broken.node, list(inputs_of(run.mesh, broken.node))
    at = max((i for i, record in enumerate(records) if header(record, h.ID) == broken.input_id), default=-1)
    if at < 0:
        return ""

    def named(record: ProtocolRecord) -> dict[str, object]:
        value, topic, route = record.value(), record.topic(), node.routes[record.topic()]
        models = [each.model for each in route.variants or (route,)]
        try:
            codecs = TopicCodecs(node.contract.event_bus, models, topic, run.mesh.catalogue)
            codec = codecs.of(headers_of(record), value)
            return {codec.model.__name__: codec.decode(value).model_dump(mode="json")}
        except MessageError:
            return {"bytes": (value or b"").hex()}

    when = records[at]
    before = [record for record in records[:at] if (record.topic(), record.key()) == (when.topic(), when.key())]
    given = [message for record in before if "bytes" not in (message := named(record))]
    expected = run.replayed(node)
    count = expected.inputs[broken.input_id]
    outputs = expected.outputs.get(broken.input_id, [])
    dead = expected.dead.get(broken.input_id, [])
    then: dict[str, object] = {"dead_letter": {"class": dead[-1]}} if dead else {}
    if outputs and not dead:
        then = {"publishes": outputs[-(len(outputs) // count) :]}
    case: dict[str, object] = {"name": f"found by the simulation, seed {seed}"}
    if given:
        case["given"] = given
        case |= _headers("given_headers", before[-1])
    case |= {"when": named(when), **_headers("headers", when), "then": then}
    return yaml.safe_dump([case], sort_keys=False, allow_unicode=True, width=100)
