"""The topics and schemas that a set of contracts declares."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from onex.bus.protocols import TopicState
from onex.contract import ResolvedNode
from onex.errors import ProvisioningError
from onex.model.enums import EnumTopicCategory
from onex.model.mesh import AUDIT_TOPICS, MESH_TOPICS, SNAPSHOT_TOPICS, NodeHeartbeat
from onex.model.mesh.topics import with_prefix
from onex.model.message import Message
from onex.model.topic import TopicName, environment_topic
from onex.node.idempotent_result import KeptAnswer
from onex.provisioning.environment import NO_EXPIRY
from onex.schema import avro_schema, subject_of
from onex.schema.avro_schema import Schema
from onex.schema.topic_catalogue import SCHEMAS_TOPIC
from onex.wire.sizes import DEFAULT_MAX_MESSAGE_BYTES, LETTER_ROOM, LIMIT
from onex.workflow import WorkflowState

_DAY_MS = 24 * 3600 * 1000
_RETENTION = {
    EnumTopicCategory.CMD: {"retention.ms": str(7 * _DAY_MS)},
    EnumTopicCategory.EVT: {"retention.ms": str(30 * _DAY_MS)},
    EnumTopicCategory.INTENT: {"retention.ms": str(_DAY_MS)},
    EnumTopicCategory.SNAPSHOT: {"cleanup.policy": "compact,delete", "retention.ms": str(30 * _DAY_MS)},
    EnumTopicCategory.RETRY: {"retention.ms": str(7 * _DAY_MS)},
    EnumTopicCategory.DLQ: {"retention.ms": str(30 * _DAY_MS)},
}
_CHANGELOG = {
    "cleanup.policy": "compact",
    "min.cleanable.dirty.ratio": "0.3",
    # State on a machine is used for half of this time after it was kept up: see agent/state/backends.py.
    "delete.retention.ms": str(_DAY_MS),
}
_CATALOGUE = {"cleanup.policy": "compact"}
_MESH = "the mesh"
_MESH_PARTITIONS = 4
_MESH_RETENTION = {"retention.ms": str(_DAY_MS)}
"""Signs of life are of no use a day later; what came of them is in the registry's snapshot."""
_AUDIT_RETENTION = {"retention.ms": str(400 * _DAY_MS)}
_BROKER_TIME = {"message.timestamp.type": "LogAppendTime"}
"""Heartbeats carry their sender's time: beside the broker's it shows clocks that are off."""


@dataclass(frozen=True, slots=True)
class DeclaredTopic:
    """A topic, the contract that decides its partitions, and whether keyed state depends on them."""

    state: TopicState
    by: str
    keyed_state: bool
    holds: frozenset[str] = frozenset()
    """Inputs whose records it takes with more headers: of retry and dead-letter topics."""


@dataclass(frozen=True, slots=True)
class DeclaredSchema:
    """The schema of a topic's values."""

    subject: str
    schema: Schema
    model: str


@dataclass(frozen=True, slots=True)
class Declared:
    """Everything that must be in a cluster before the nodes can run."""

    topics: dict[str, DeclaredTopic]
    schemas: dict[str, DeclaredSchema]
    env: str = ""
    """The environment that is to own the topics; empty: the owner is not looked at."""
    prefix: str = ""
    """Of every name."""


def declare(
    nodes: Iterable[ResolvedNode],
    replication_factor: int,
    max_message_bytes: int = DEFAULT_MAX_MESSAGE_BYTES,
    *,
    env: str = "",
    prefix: str = "",
) -> Declared:
    """Merge what all contracts declare; raises ProvisioningError where two contradict each other.

    ``max_message_bytes`` is the limit of topics whose contract sets none. ``prefix`` is the one that the nodes were
    resolved with; the topics of the mesh get it too.
    """
    collector = _Collector(replication_factor, max_message_bytes, prefix)
    collected = list(nodes)
    for node in collected:
        collector.consumed(node)
    for node in collected:
        collector.published(node)
    collector.limit()
    return Declared(dict(sorted(collector.topics.items())), dict(sorted(collector.schemas.items())), env, prefix)


class _Collector:
    def __init__(self, replication_factor: int, max_message_bytes: int, prefix: str) -> None:
        self._replication = replication_factor
        self._limit = max_message_bytes
        self._catalogue = prefix + SCHEMAS_TOPIC
        catalogue = TopicState(self._catalogue, 1, replication_factor, _CATALOGUE)
        claims = TopicState(environment_topic(prefix), 1, replication_factor, NO_EXPIRY)
        self.topics = {
            self._catalogue: DeclaredTopic(catalogue, "the schema catalogue", True),
            claims.name: DeclaredTopic(claims, _MESH, keyed_state=True),
        }
        self.schemas: dict[str, DeclaredSchema] = {}
        for model, topic in with_prefix({**MESH_TOPICS, **SNAPSHOT_TOPICS, **AUDIT_TOPICS}, prefix).items():
            category = TopicName.parse(topic).category
            config = _RETENTION[category] if model in SNAPSHOT_TOPICS else _MESH_RETENTION
            if model in AUDIT_TOPICS:
                config = _AUDIT_RETENTION
            if model is NodeHeartbeat:
                config = {**config, **_BROKER_TIME}
            state = TopicState(topic, _MESH_PARTITIONS, replication_factor, config)
            self.topics[topic] = DeclaredTopic(state, _MESH, keyed_state=False)
            self._schema(topic, model)

    def consumed(self, node: ResolvedNode) -> None:
        contract, wanted = node.contract, node.contract.event_bus.topic_config
        keyed = contract.has_changelog
        for topic, route in node.routes.items():
            self._topic(node, topic, wanted.partitions, dict(wanted.kafka_config), keyed)
            self._schema(topic, route.model)
        inputs = frozenset(node.routes)
        letters = contract.error_handling.dead_letter
        # A key that waits for a dead letter waits on the retry topic: it must not forget earlier.
        waiting = {"retention.ms": str(round(letters.retention * 1000))} if letters.order_fence else {}
        self._topic(node, contract.retry_topic, wanted.partitions, waiting, keyed, inputs)
        kept = {"retention.ms": str(round(letters.retention * 1000))}
        self._topic(node, contract.dead_letter_topic, 1, kept, keyed=False, holds=inputs)
        if contract.node_type.is_stateful:
            self._topic(node, contract.changelog_topic, wanted.partitions, _CHANGELOG, keyed)
            self._schema(contract.changelog_topic, node.state_model or WorkflowState)
        elif keep := contract.delivery.keep_answers:
            forgetting = {"cleanup.policy": "compact,delete", "retention.ms": str(round(keep * 1000))}
            self._topic(node, contract.changelog_topic, wanted.partitions, {**_CHANGELOG, **forgetting}, keyed)
            self._schema(contract.changelog_topic, KeptAnswer)

    def published(self, node: ResolvedNode) -> None:
        for model, topic in node.outputs.items():
            if topic not in self.topics:
                self._topic(node, topic, node.contract.event_bus.topic_config.partitions, {}, keyed=False)
            self._schema(topic, model)

    def limit(self) -> None:
        """Every topic of a node takes what the setting says, unless a contract says more or less; retry and
        dead-letter topics take the largest input and more headers."""
        for name, topic in self.topics.items():
            config = dict(topic.state.config)
            if topic.holds:
                limits = [int(self.topics[held].state.config.get(LIMIT, self._limit)) for held in topic.holds]
                config[LIMIT] = str(max(limits) + LETTER_ROOM)
            elif self._limit != DEFAULT_MAX_MESSAGE_BYTES and topic.by != _MESH and name != self._catalogue:
                config.setdefault(LIMIT, str(self._limit))
            self.topics[name] = replace(topic, state=replace(topic.state, config=config))

    def _topic(
        self,
        node: ResolvedNode,
        name: str,
        partitions: int,
        config: dict[str, str],
        keyed: bool,
        holds: frozenset[str] = frozenset(),
    ) -> None:
        contract = node.contract
        is_changelog = name == contract.changelog_topic
        defaults = {} if is_changelog else _RETENTION[TopicName.parse(name).category]
        replication = contract.event_bus.topic_config.replication_factor or self._replication
        known = self.topics.get(name)
        if known is None:
            state = TopicState(name, partitions, replication, {**defaults, **config})
            self.topics[name] = DeclaredTopic(state, contract.name, keyed, holds)
            return
        if known.state.partitions != partitions:
            raise ProvisioningError(
                f"{name}: {known.by} wants {known.state.partitions} partitions, {contract.name} {partitions}; "
                "set event_bus.topic_config.partitions to the same number"
            )
        merged = TopicState(name, partitions, known.state.replication_factor, {**known.state.config, **config})
        self.topics[name] = DeclaredTopic(merged, known.by, known.keyed_state or keyed, known.holds | holds)

    def _schema(self, topic: str, model: type[Message]) -> None:
        subject, schema = subject_of(topic), avro_schema(model)
        known = self.schemas.get(subject)
        if known is not None and known.schema != schema:
            raise ProvisioningError(
                f"{topic}: {known.model} and {model.__module__}.{model.__name__} differ; import one from the other"
            )
        self.schemas[subject] = DeclaredSchema(subject, schema, f"{model.__module__}.{model.__name__}")
