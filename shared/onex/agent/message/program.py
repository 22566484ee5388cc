"""The program of an engine: a resolved node with its codecs, routes and prebuilt headers. Built once at start."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import repeat
from operator import attrgetter

import structlog

from onex.agent.message.adoption import Adoption, adoption_of
from onex.agent.message.handlers import Handle, handle_of, promise_of, require_none_allowed
from onex.agent.message.seal import Seal, seal_of
from onex.agent.topic_limits import TopicLimits
from onex.capability import Composition
from onex.capability.composition import without_effect
from onex.capability.container import ServiceRegistry
from onex.capability.layer import ProtocolRecorder
from onex.contract import ResolvedNode, Route
from onex.contract.create_node import create_node
from onex.model.contract import ModelContract
from onex.model.enums import EnumNodeKind
from onex.model.mesh import AUDIT_TOPICS
from onex.model.mesh.topics import with_prefix
from onex.model.message import Message
from onex.model.topic import carries_commands
from onex.node import Node
from onex.node.idempotent_result import KeptAnswer
from onex.schema import Codec, ProtocolSchemaCatalogue, codec_of
from onex.schema.message_types import TypeOf, type_reader
from onex.wire.cloudevents import constant_headers, event_type
from onex.wire.message_key import key_in

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Input:
    """How records of one topic are decoded, and their handler."""

    topic: str
    event_type: bytes
    """CloudEvents type of the messages on the topic."""
    model: type[Message]
    decode: Callable[[bytes | None], Message]
    handle: Handle
    keys_of: Callable[[Iterable[Message]], Iterable[bytes | None]] | None = None
    """Returns the declared keys of many messages; None when the type declares no key."""
    promise: str = ""
    """Name of the handler of a COMPUTE or EFFECT whose annotation excludes None; empty for others."""
    is_command: bool = False
    """Its messages are refused after their deadline. An event is a fact however late it comes."""
    adoption: Adoption | None = None
    """What the headers and keys of other writers become; None for topics with the mesh's own records."""
    type_of: TypeOf | None = None
    """Finds the type of a record on a topic with several messages; None for other topics."""
    variants: "Mapping[str, Input]" = field(default_factory=dict)
    """The inputs of these messages, by type."""
    ignores_others: bool = False
    """Whether records of other types are done as they are read."""
    ignores_tombstones: bool = False
    """Whether records without a value are done as they are read."""

    def require_none_allowed(self) -> None:
        """Raise WrongOutputError when the annotation of the handler excludes None, which it returned."""
        require_none_allowed(self.promise)


@dataclass(frozen=True, slots=True)
class Output:
    """How messages of one type are encoded."""

    topic: str
    key_of: Callable[[Message], bytes | None]
    """Returns the declared partition key, or None for a message that has the reply key of its input."""
    keys_of: Callable[[Sequence[Message]], Iterable[bytes | None]]
    """Does the same for many messages."""
    encode: Callable[[Message], bytes]
    constant_headers: Sequence[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Program:
    """A node, ready to run."""

    contract: ModelContract
    node: Node
    composition: Composition
    """The engines of the node's capabilities."""
    inputs: Mapping[str, Input]
    """By subscribed topic."""
    outputs: Mapping[type[Message], Output]
    state: Codec | None
    """Codec of the keyed state, or of the idempotent results of an EFFECT; None for other nodes."""
    limits: TopicLimits
    """Size limits of the topics that the node writes to."""
    timers: Handle | None
    """Handler of TimerFired; None for nodes that cannot set timers."""
    seal: Seal | None = None
    """Adds the headers of capabilities to outputs; None for nodes without such a capability."""
    entries: Mapping[type[Message], Output] = field(default_factory=dict)
    """How entries are encoded that capabilities write into the transaction of an input."""

    @property
    def topics(self) -> Sequence[str]:
        """The topics that the group subscribes to: declared topics and the node's retry topic."""
        return [*self.inputs, self.contract.retry_topic]


def build_program(
    resolved: ResolvedNode,
    catalogue: ProtocolSchemaCatalogue,
    services: ServiceRegistry | None = None,
    limits: TopicLimits | None = None,
) -> Program:
    """Compile codecs and handlers, with the layers of capabilities around them.

    ``services``: for capabilities. Without ``limits``, topics have Kafka's defaults.
    Raise SchemaMismatchError when a schema is not registered.
    """
    contract = resolved.contract
    node = create_node(resolved, services)
    composition = Composition(node)
    for idle in without_effect(node.capabilities, contract.node_type):
        log.warning("capability without effect", node=contract.name, capability=idle.name, reason=idle.without_effect)
    layers = composition.layers()
    behaviour = handle_of(resolved, node, layers)
    inputs = {}
    for topic, route in resolved.routes.items():
        inputs[topic] = _input(resolved, route, behaviour.handlers, catalogue)
    outputs = {model: _output(model, topic, contract, catalogue) for model, topic in resolved.outputs.items()}
    entries = {}
    if any(isinstance(layer, ProtocolRecorder) for layer in layers) and contract.node_type is not EnumNodeKind.EFFECT:
        topics = with_prefix(AUDIT_TOPICS, contract.topic_prefix)
        entries = {model: _output(model, topic, contract, catalogue) for model, topic in topics.items()}
    state = None
    if contract.delivery.keep_answers is not None:
        state = Codec.of_topic(KeptAnswer, contract.changelog_topic, catalogue)
    elif behaviour.state_model is not None:
        state = Codec.of_topic(behaviour.state_model, contract.changelog_topic, catalogue)
    limits = limits or TopicLimits.usual()
    return Program(
        contract, node, composition, inputs, outputs, state, limits, behaviour.timers, seal_of(layers), entries
    )


def _input(
    resolved: ResolvedNode, route: Route, handlers: Mapping[str, Handle], catalogue: ProtocolSchemaCatalogue
) -> Input:
    event_bus, topic = resolved.contract.event_bus, route.topic
    bound = event_bus.topics.get(topic)
    single = Input(
        topic,
        event_type(topic).encode(),
        route.model,
        codec_of(event_bus, route.model, topic, catalogue).decode,
        handlers[route.name],
        keys_reader(route.model),
        promise_of(resolved, route),
        carries_commands(topic),
        adoption_of(event_bus, route.model, topic),
        ignores_tombstones=bound is not None and bound.tombstones == "ignore",
    )
    if not route.variants:
        return single
    assert bound is not None, "only topics that the contract binds have several messages"
    return replace(
        single,
        type_of=type_reader(bound, catalogue),
        variants={each.type_text: _input(resolved, each, handlers, catalogue) for each in route.variants},
        ignores_others=bound.other_types == "ignore",
    )


def _output(model: type[Message], topic: str, contract: ModelContract, catalogue: ProtocolSchemaCatalogue) -> Output:
    codec = codec_of(contract.event_bus, model, topic, catalogue, writes=True)
    bound = contract.event_bus.topics.get(topic)
    key = None if bound is None else bound.key
    return Output(
        topic,
        key_reader(model, key),
        keys_reader(model, key) or _no_keys,
        codec.encode,
        [
            *constant_headers(topic, contract.name, str(contract.contract_version), codec.content_type),
            *contract.event_bus.type_headers(topic, model.__name__),
        ],
    )


def key_reader(model: type[Message], field: str | None = None) -> Callable[[Message], bytes | None]:
    """Return ``Message.partition_key`` of one model, without the look-ups that all its messages share.

    ``field``: the key of messages on this topic, for models without a key field.
    """
    name = field or model.key_field
    if name is None:
        return lambda _: None
    if model.model_fields[name].annotation is str:
        return lambda message: message.__dict__[name].encode()  # an empty key counts as none, as with the method
    return model.partition_key if name == model.key_field else partial(key_in, name)


def keys_reader(
    model: type[Message], field: str | None = None
) -> Callable[[Iterable[Message]], Iterable[bytes | None]] | None:
    """Return ``key_reader`` for many messages. Text keys are read outside of the interpreter's loop."""
    name = field or model.key_field
    if name is None:
        return None
    if model.model_fields[name].annotation is not str:
        key_of = key_reader(model, field)
        return lambda messages: map(key_of, messages)
    attribute = attrgetter(name)
    return lambda messages: map(str.encode, map(attribute, messages))


def _no_keys(messages: Sequence[Message]) -> Iterable[None]:
    return repeat(None, len(messages))
