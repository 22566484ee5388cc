"""The messages that a simulation sends: those of the nodes' ``cases.yaml``, or those of a function."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from random import Random
from typing import NamedTuple

from onex.contract import ResolvedNode
from onex.errors import ConfigurationError
from onex.model.message import Message
from onex.testing.cases import Case, load_cases
from onex.testing.run_case import case_bytes, case_key, header_pairs

MakeInputs = Callable[[Random], Sequence[Message]]
"""Returns the messages that one ``send`` publishes, in order. Everything random comes from its argument."""
_KEYS = 4


class Input(NamedTuple):
    """One message to send."""

    topic: str
    name: str
    """Of the message type; ``bytes`` for a case with bytes."""
    value: bytes
    key: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
    """Headers of the case."""

    def __str__(self) -> str:
        text = "bytes" if self.name == "bytes" else f"{self.name} {self.value.decode(errors='replace')}"
        return text if len(text) <= 160 else f"{text[:160]}..."


Draw = Callable[[Random], Sequence[Input]]


def drawing(nodes: Sequence[ResolvedNode], inputs: MakeInputs | None) -> Draw:
    """Return the function that draws what one ``send`` publishes.

    Raises ContractError for cases that cannot be read, ConfigurationError when there are none.
    """
    if inputs is not None:
        return partial(_made, nodes, inputs)
    cases = [(node, case) for node in nodes for case in load_cases(node.folder)]
    if not cases:
        raise ConfigurationError("no node has a case in its cases.yaml; write one, or pass `inputs`")
    return lambda random: _of_case(*random.choice(cases), random)


def _made(nodes: Sequence[ResolvedNode], inputs: MakeInputs, random: Random) -> list[Input]:
    drawn = []
    for message in inputs(random):
        key = message.partition_key() or _some_key(random)
        topic = _topic_of(nodes, type(message).__name__)
        drawn.append(Input(topic, type(message).__name__, message.model_dump_json().encode(), key))
    return drawn


def _of_case(node: ResolvedNode, case: Case, random: Random) -> list[Input]:
    fallback = _some_key(random)
    given = [_named(node, case, named, fallback, case.given_headers) for named in case.given]
    return [*given, _named(node, case, case.when, fallback, case.headers)]


def _named(
    node: ResolvedNode, case: Case, named: Mapping[str, object], fallback: bytes, headers: Mapping[str, str]
) -> Input:
    name, payload = next(iter(named.items()))
    first = node.contract.event_bus.subscribe_topics[0]
    topic = first if name == "bytes" else _topic_of([node], name)
    key = case_key(node, case, named).encode() or fallback
    return Input(
        topic,
        name,
        case_bytes(name, payload),
        key,
        (*header_pairs(headers), *node.contract.event_bus.type_headers(topic, name)),
    )


def _some_key(random: Random) -> bytes:
    return b"key-%d" % random.randrange(_KEYS)


def _topic_of(nodes: Sequence[ResolvedNode], name: str) -> str:
    for node in nodes:
        for route in node.all_routes:
            if route.model.__name__ == name:
                return route.topic
    raise ConfigurationError(f"no node of this simulation takes {name}; pass the node that does")


def payload_of(value: bytes) -> object:
    """Return the JSON of a message for a case."""
    return json.loads(value)
