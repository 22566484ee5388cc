"""What a cluster lacks of what contracts declare, and how to bring it there. Idempotent."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, cast

from onex.bus.protocols import CLUSTER_DEFAULT, ProtocolEventBus, TopicState
from onex.errors import ProvisioningError
from onex.model.enums import EnumTopicCategory
from onex.model.topic import TopicName
from onex.provisioning.declared import Declared, DeclaredSchema, DeclaredTopic
from onex.provisioning.environment import EnvironmentLog, refusal
from onex.schema import ProtocolSchemaCatalogue, canonical
from onex.schema.avro_schema import Schema
from onex.schema.catalogue import SchemaVersion
from onex.schema.compatibility import backward_problems, described
from onex.wire.sizes import DEFAULT_MAX_MESSAGE_BYTES, LETTER_ROOM, LIMIT

_MESSAGES = (EnumTopicCategory.CMD, EnumTopicCategory.EVT, EnumTopicCategory.INTENT)
Action = Literal["claim", "create", "grow", "alter", "register", "refuse"]


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a plan. ``refuse`` says why a declared state cannot be reached safely."""

    action: Action
    subject: str
    detail: str
    readers: tuple[str, ...] = ()
    """For a new version of a schema: what new readers do with old records, and old readers with new ones."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes in the order they are made."""

    changes: Sequence[Change]
    topics: Mapping[str, TopicState] = field(default_factory=dict)
    """Topics as they are to be, with limits that follow from the cluster's."""

    @property
    def refused(self) -> list[Change]:
        """Steps that would break something."""
        return [change for change in self.changes if change.action == "refuse"]


def make_plan(declared: Declared, bus: ProtocolEventBus, catalogue: ProtocolSchemaCatalogue) -> Plan:
    """Compare declaration and cluster; changes nothing."""
    present = bus.admin.topics(list(declared.topics))
    changes = _claim(declared, bus, is_used=bool(present))
    wanted = {name: _with_room(topic, declared, present) for name, topic in declared.topics.items()}
    for name, topic in wanted.items():
        changes += _topic_changes(topic, present.get(name))
    versions = catalogue.versions(list(declared.schemas))
    for subject, schema in declared.schemas.items():
        changes += _schema_changes(schema, versions[subject])
    return Plan(changes, {name: topic.state for name, topic in wanted.items()})


def apply_plan(plan: Plan, declared: Declared, bus: ProtocolEventBus, catalogue: ProtocolSchemaCatalogue) -> None:
    """Carry a plan out, or raise ProvisioningError before anything is changed.

    Raises it too when another environment claims the topics at the same time: then nothing but the claim is written.
    """
    if plan.refused:
        raise ProvisioningError("; ".join(f"{change.subject}: {change.detail}" for change in plan.refused))
    create = {name: plan.topics[name] for name in _subjects(plan, "create")}
    for topic in _subjects(plan, "claim"):
        # Before anything else: of two environments that apply at the same time, one ends here.
        EnvironmentLog(bus, declared.prefix).claim(declared.env, plan.topics[topic])
        create.pop(topic, None)
    bus.admin.create([*create.values()])
    for name in _subjects(plan, "grow"):
        bus.admin.grow(name, plan.topics[name].partitions)
    for name in _subjects(plan, "alter"):
        bus.admin.alter(name, plan.topics[name].config)
    if registered := _subjects(plan, "register"):
        catalogue.register({subject: declared.schemas[subject].schema for subject in registered})


def _claim(declared: Declared, bus: ProtocolEventBus, *, is_used: bool) -> list[Change]:
    """The topics belong to one environment. Where no claim says which, the groups that there are may say it.

    ``is_used``: some of the topics exist. Where none does, no node has a group yet.
    """
    if not declared.env:
        return []
    log = EnvironmentLog(bus, declared.prefix)
    owner = log.owner()
    if owner is not None:
        if owner.env == declared.env:
            return []
        return [Change("refuse", log.topic, refusal(owner.env, declared.env, declared.prefix))]
    for other, group in log.others(declared.env).items() if is_used else ():
        detail = f"{refusal(other, declared.env, declared.prefix)}; it is known by its group {group}"
        return [Change("refuse", log.topic, detail)]
    return [Change("claim", log.topic, f"the environment {declared.env!r} owns these topics from now on")]


def _subjects(plan: Plan, action: Action) -> list[str]:
    return [change.subject for change in plan.changes if change.action == action]


def _with_room(topic: DeclaredTopic, declared: Declared, present: Mapping[str, TopicState]) -> DeclaredTopic:
    """Retry and dead-letter topics take the largest record of the node's inputs with more headers.

    What is in the cluster counts: a topic may have been given a larger limit by hand. A limit is never lowered.
    """
    if not topic.holds:
        return topic
    inputs = [_limit(declared.topics[name].state, present.get(name)) for name in topic.holds]
    room = max(int(topic.state.config[LIMIT]), max(inputs) + LETTER_ROOM)
    own = present.get(topic.state.name)
    config = {
        **topic.state.config,
        LIMIT: str(max(room, own.max_message_bytes if own and LIMIT in own.config else 0)),
    }
    return replace(topic, state=replace(topic.state, config=config))


def _limit(wanted: TopicState, present: TopicState | None) -> int:
    if LIMIT in wanted.config:
        return int(wanted.config[LIMIT])
    return present.max_message_bytes if present else DEFAULT_MAX_MESSAGE_BYTES


def _topic_changes(topic: DeclaredTopic, present: TopicState | None) -> list[Change]:
    wanted = topic.state
    if present is None:
        factor = wanted.replication_factor
        told = "as the cluster's default" if factor == CLUSTER_DEFAULT else factor
        detail = f"{wanted.partitions} partitions, replication {told}"
        return [Change("create", wanted.name, detail + "".join(f", {k}={v}" for k, v in wanted.config.items()))]
    changes: list[Change] = []
    if wanted.partitions != present.partitions:
        changes.append(_partition_change(topic, present))
    differing = {k: v for k, v in wanted.config.items() if present.config.get(k) != v}
    if differing:
        told = ", ".join(f"{k}: {present.config.get(k, 'default')} -> {v}" for k, v in differing.items())
        changes.append(Change("alter", wanted.name, told))
    return changes


def _partition_change(topic: DeclaredTopic, present: TopicState) -> Change:
    wanted = topic.state
    told = f"partitions: {present.partitions} -> {wanted.partitions}"
    if wanted.partitions < present.partitions:
        return Change("refuse", wanted.name, f"{told}; Kafka cannot take partitions away{_follow(topic, present)}")
    if topic.keyed_state:
        why = "keys would move to other partitions than their state; make a new major version and migrate"
        return Change("refuse", wanted.name, f"{told}; {why}")
    return Change("grow", wanted.name, told)


def _follow(topic: DeclaredTopic, present: TopicState) -> str:
    """The remedy for an input that was grown by hand. Under keyed state its keys have moved already."""
    if topic.keyed_state or TopicName.parse(topic.state.name).category not in _MESSAGES:
        return ""
    return f"; set event_bus.topic_config.partitions to {present.partitions} in {topic.by}, and run `onex apply`"


def _schema_changes(declared: DeclaredSchema, versions: Sequence[SchemaVersion]) -> list[Change]:
    if any(version.text == canonical(declared.schema) for version in versions):
        return []
    if not versions:
        return [Change("register", declared.subject, f"first version, from {declared.model}")]
    latest = versions[-1]
    schema, before = declared.schema, cast(Schema, json.loads(latest.text))
    readers = (
        f"new readers, old records: {described(schema, before)}",
        f"old readers, new records: {described(before, schema)}",
    )
    if problems := backward_problems(schema, before):
        why = f"cannot read version {latest.version}: {'; '.join(problems)}"
        return [Change("refuse", declared.subject, why, readers)]
    return [Change("register", declared.subject, f"version {latest.version + 1}, from {declared.model}", readers)]
