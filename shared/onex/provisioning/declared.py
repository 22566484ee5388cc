"""The topics and schemas that a set of contracts declares."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from onex.bus.protocols import TopicState
from onex.contract import ResolvedNode
from onex.errors import ProvisioningError
from onex.model.contract import ModelContract
from onex.model.enums import EnumTopicCategory
from onex.model.mesh import (
    AUDIT_TOPICS,
    CAPABILITY_TOPICS,
    INTAKE_TOPICS,
    MESH_TOPICS,
    SNAPSHOT_TOPICS,
    NodeHeartbeat,
)
from onex.model.mesh.topics import with_prefix
from onex.model.message import Message
from onex.model.topic import TopicName, environment_topic, is_foreign
from onex.node.idempotent_result import KeptAnswer
from onex.provisioning.environment import NO_EXPIRY
from onex.schema import avro_schema, subject_of
from onex.schema.avro_schema import Schema
from onex.schema.topic_catalogue import SCHEMAS_TOPIC
from onex.wire.changelog import COMPACTION_LAG, COMPACTION_LAG_MS
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
    # State on disk is used for half of this time after its last update: see agent/state/backends.py.
    "delete.retention.ms": str(_DAY_MS),
}
_CHECKPOINTS = {"cleanup.policy": "compact"}
_CATALOGUE = {"cleanup.policy": "compact"}
ANY_PARTITIONS = 0
"""Number of partitions of a foreign topic that the mesh only writes to."""
_MESH = "the mesh"
_MESH_PARTITIONS = 4
_MESH_RETENTION = {"retention.ms": str(_DAY_MS)}
"""Signs of life are of no use a day later. The registry's snapshot has their result."""
_AUDIT_RETENTION = {"retention.ms": str(400 * _DAY_MS)}
_ORDER_RETENTION = {"cleanup.policy": "compact"}
"""A node stays paused until someone resumes it."""
_BROKER_TIME = {"message.timestamp.type": "LogAppendTime"}
"""Heartbeats carry their sender's time. The difference to the broker's time shows clocks that are wrong."""


@dataclass(frozen=True, slots=True)
class DeclaredTopic:
    """A topic, the contract that decides its number of partitions, and whether keyed state depends on that number."""

    state: TopicState
    declared_by: str
    keyed_state: bool
    inputs: frozenset[str] = frozenset()
    """For retry and dead-letter topics: the input topics whose records they take, with more headers. For a topic of
    checkpoints the changelog, with longer keys."""
    foreign: bool = False
    """The topic exists outside of the mesh: it is checked, and neither created nor changed."""


@dataclass(frozen=True, slots=True)
class DeclaredSchema:
    """The schema of a topic's values."""

    subject: str
    schema: Schema
    model: str


@dataclass(frozen=True, slots=True)
class ForeignSchema:
    """A subject of others, and the message that its records become or are made of."""

    subject: str
    model: type[Message]
    topic: str
    is_written: bool
    record: str = ""
    """Full name of the record of the message; empty where any name fits."""


@dataclass(frozen=True, slots=True)
class Declared:
    """The topics and schemas that a cluster must have before the nodes can run."""

    topics: dict[str, DeclaredTopic]
    schemas: dict[str, DeclaredSchema]
    foreign_schemas: tuple[ForeignSchema, ...] = ()
    """Schemas of other writers: they are checked, and never registered."""
    env: str = ""
    """Environment that owns the topics. Empty skips the check of the owner."""
    prefix: str = ""
    """Prefix of every name."""


def declare(
    nodes: Iterable[ResolvedNode],
    replication_factor: int,
    max_message_bytes: int = DEFAULT_MAX_MESSAGE_BYTES,
    *,
    env: str = "",
    prefix: str = "",
) -> Declared:
    """Merge the declarations of all contracts. Raise ProvisioningError when two contradict each other.

    ``replication_factor`` and ``max_message_bytes`` apply to topics whose contract sets none. ``prefix`` is the one
    that the nodes were resolved with. The topics of the mesh get it, too.
    """
    collector = _Collector(replication_factor, max_message_bytes, prefix)
    resolved = list(nodes)
    for node in resolved:
        collector.add_inputs(node)
    for node in resolved:
        collector.add_outputs(node)
    collector.set_limits()
    topics, schemas = dict(sorted(collector.topics.items())), dict(sorted(collector.schemas.items()))
    return Declared(topics, schemas, tuple(collector.foreign_schemas), env, prefix)


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
        self.foreign_schemas: list[ForeignSchema] = []
        for model, topic in with_prefix(
            {**MESH_TOPICS, **SNAPSHOT_TOPICS, **AUDIT_TOPICS, **CAPABILITY_TOPICS, **INTAKE_TOPICS}, prefix
        ).items():
            category = TopicName.parse(topic).category
            config = _RETENTION[category] if model in SNAPSHOT_TOPICS else _MESH_RETENTION
            if model in AUDIT_TOPICS:
                config = _AUDIT_RETENTION
            if model in INTAKE_TOPICS:
                config = _ORDER_RETENTION
            if model is NodeHeartbeat:
                config = {**config, **_BROKER_TIME}
            state = TopicState(topic, _MESH_PARTITIONS, replication_factor, config)
            self.topics[topic] = DeclaredTopic(state, _MESH, keyed_state=False)
            self._schema(topic, model)

    def add_inputs(self, node: ResolvedNode) -> None:
        """Add the topics that a node reads, and those that it keeps for itself."""
        contract, wanted = node.contract, node.contract.event_bus.topic_config
        keyed = contract.has_changelog
        for topic, route in node.routes.items():
            self._topic(node, topic, wanted.partitions, dict(wanted.kafka_config), keyed)
            if contract.event_bus.has_schema(topic):
                self._schema(topic, route.model)
            for each in route.variants or (route,):
                self._foreign_schema(contract, topic, each.model, is_written=False)
        inputs = frozenset(node.routes)
        dead_letter = contract.error_handling.dead_letter
        letter_retention = {"retention.ms": str(round(dead_letter.retention * 1000))}
        # Messages that wait for a dead letter of their key are on the retry topic: they must not expire before it.
        retry_retention = letter_retention if dead_letter.order_fence else {}
        self._topic(node, contract.retry_topic, wanted.partitions, retry_retention, keyed, inputs)
        self._topic(node, contract.dead_letter_topic, 1, letter_retention, keyed=False, inputs=inputs)
        if contract.node_type.is_stateful:
            changelog = _CHANGELOG
            if node.has_checkpoints:
                changelog = {**_CHANGELOG, COMPACTION_LAG: str(COMPACTION_LAG_MS)}
                # Copies have longer keys than their originals. Manifests have a partition of their own.
                sources = frozenset({contract.changelog_topic})
                self._topic(node, contract.checkpoint_topic, wanted.partitions + 1, _CHECKPOINTS, keyed, sources)
            self._topic(node, contract.changelog_topic, wanted.partitions, changelog, keyed)
            self._schema(contract.changelog_topic, node.state_model or WorkflowState)
        elif keep_seconds := contract.delivery.keep_answers:
            expiry = {"cleanup.policy": "compact,delete", "retention.ms": str(round(keep_seconds * 1000))}
            self._topic(node, contract.changelog_topic, wanted.partitions, {**_CHANGELOG, **expiry}, keyed)
            self._schema(contract.changelog_topic, KeptAnswer)

    def add_outputs(self, node: ResolvedNode) -> None:
        """Add the topics that a node writes. Their readers decide the number of partitions, if there are any."""
        for model, topic in node.outputs.items():
            if topic not in self.topics:
                partitions = ANY_PARTITIONS if is_foreign(topic) else node.contract.event_bus.topic_config.partitions
                self._topic(node, topic, partitions, {}, keyed=False)
            if node.contract.event_bus.has_schema(topic):
                self._schema(topic, model)
            self._foreign_schema(node.contract, topic, model, is_written=True)

    def set_limits(self) -> None:
        """Set ``max.message.bytes`` of every topic of a node.

        It is the setting, unless a contract has another value. Retry and dead-letter topics take the largest record
        of the inputs with more headers.
        """
        for name, topic in self.topics.items():
            config = dict(topic.state.config)
            if topic.inputs:
                limits = [int(self.topics[source].state.config.get(LIMIT, self._limit)) for source in topic.inputs]
                config[LIMIT] = str(max(limits) + LETTER_ROOM)
            elif topic.foreign:
                continue
            elif self._limit != DEFAULT_MAX_MESSAGE_BYTES and topic.declared_by != _MESH and name != self._catalogue:
                config.setdefault(LIMIT, str(self._limit))
            self.topics[name] = replace(topic, state=replace(topic.state, config=config))

    def _topic(
        self,
        node: ResolvedNode,
        name: str,
        partitions: int,
        config: dict[str, str],
        keyed: bool,
        inputs: frozenset[str] = frozenset(),
    ) -> None:
        contract = node.contract
        is_own = name in (contract.changelog_topic, contract.checkpoint_topic)
        if not is_own and is_foreign(name):
            self._foreign(name, partitions, contract.name, keyed)
            return
        defaults = {} if is_own else _RETENTION[TopicName.parse(name).category]
        replication = contract.event_bus.topic_config.replication_factor or self._replication
        declared = self.topics.get(name)
        if declared is None:
            state = TopicState(name, partitions, replication, {**defaults, **config})
            self.topics[name] = DeclaredTopic(state, contract.name, keyed, inputs)
            return
        state = declared.state
        if state.partitions != partitions:
            raise ProvisioningError(
                f"{name}: {declared.declared_by} wants {state.partitions} partitions, {contract.name} {partitions}; "
                "set event_bus.topic_config.partitions to the same number"
            )
        merged = TopicState(name, partitions, state.replication_factor, {**state.config, **config})
        keyed_state, all_inputs = declared.keyed_state or keyed, declared.inputs | inputs
        self.topics[name] = DeclaredTopic(merged, declared.declared_by, keyed_state, all_inputs)

    def _foreign(self, name: str, partitions: int, node: str, keyed: bool) -> None:
        """Add a topic that exists outside of the mesh. Its readers must agree on the partitions that it has."""
        declared = self.topics.get(name)
        if declared is not None and declared.state.partitions != partitions:
            raise ProvisioningError(
                f"{name}: {declared.declared_by} expects {declared.state.partitions} partitions, {node} "
                f"{partitions}; set event_bus.topic_config.partitions to the number that the topic has"
            )
        owner, keyed_state = (declared.declared_by, declared.keyed_state) if declared else (node, False)
        state = TopicState(name, partitions, self._replication, {})
        self.topics[name] = DeclaredTopic(state, owner, keyed_state or keyed, foreign=True)

    def _foreign_schema(self, contract: ModelContract, topic: str, model: type[Message], *, is_written: bool) -> None:
        """Add the subject of a message, if its topic has Avro with schemas of others."""
        bound = contract.event_bus.topics.get(topic)
        if bound is not None and bound.format == "avro":
            name = model.__name__
            found = ForeignSchema(bound.subject_of(topic, name), model, topic, is_written, bound.record_of(name))
            self.foreign_schemas.append(found)

    def _schema(self, topic: str, model: type[Message]) -> None:
        subject, schema = subject_of(topic), avro_schema(model)
        declared = self.schemas.get(subject)
        if declared is not None and declared.schema != schema:
            raise ProvisioningError(
                f"{topic}: {declared.model} and {model.__module__}.{model.__name__} differ; import one from the other"
            )
        self.schemas[subject] = DeclaredSchema(subject, schema, f"{model.__module__}.{model.__name__}")
