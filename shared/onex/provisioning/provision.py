"""Compares declared topics and schemas with a cluster, and applies the differences. A second run changes nothing."""

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
from onex.provisioning.foreign import foreign_schema_problems, foreign_topic_problem
from onex.schema import ProtocolSchemaCatalogue, canonical
from onex.schema.avro_schema import Schema
from onex.schema.catalogue import SchemaVersion
from onex.schema.compatibility import backward_problems, described
from onex.wire.sizes import DEFAULT_MAX_MESSAGE_BYTES, LETTER_ROOM, LIMIT

_MESSAGES = (EnumTopicCategory.CMD, EnumTopicCategory.EVT, EnumTopicCategory.INTENT)
Action = Literal["claim", "create", "grow", "alter", "register", "schedule", "unschedule", "refuse"]


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a plan. The detail of ``refuse`` is the reason why a declared state cannot be reached safely."""

    action: Action
    subject: str
    detail: str
    readers: tuple[str, ...] = ()
    """For a new version of a schema: how new readers read old records, and old readers new records."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes, in the order in which they are applied."""

    changes: Sequence[Change]
    topics: Mapping[str, TopicState] = field(default_factory=dict)
    """The wanted topics, with size limits that follow from those of the cluster."""

    @property
    def refused(self) -> list[Change]:
        """The steps that would break existing data or readers. A plan with any of them is not applied."""
        return [change for change in self.changes if change.action == "refuse"]


def make_plan(declared: Declared, bus: ProtocolEventBus, catalogue: ProtocolSchemaCatalogue) -> Plan:
    """Compare the declarations with the cluster. Changes nothing. Raises BusError."""
    present = bus.admin.topics(list(declared.topics))
    changes = _claim(declared, bus, is_used=bool(present))
    wanted = {name: _with_room(topic, declared, present) for name, topic in declared.topics.items()}
    for name, topic in wanted.items():
        changes += _topic_changes(topic, present.get(name))
    versions = catalogue.versions(list(declared.schemas))
    for subject, schema in declared.schemas.items():
        changes += _schema_changes(schema, versions[subject])
    changes += [Change("refuse", *problem) for problem in foreign_schema_problems(declared, catalogue)]
    return Plan(changes, {name: topic.state for name, topic in wanted.items()})


def apply_plan(plan: Plan, declared: Declared, bus: ProtocolEventBus, catalogue: ProtocolSchemaCatalogue) -> None:
    """Apply a plan. Raise ProvisioningError, before any change, when the plan has a refused step.

    Raises it, too, when another environment claims the topics at the same time: only the claim is written then.
    """
    if plan.refused:
        raise ProvisioningError("; ".join(f"{change.subject}: {change.detail}" for change in plan.refused))
    create = {name: plan.topics[name] for name in _subjects(plan, "create")}
    for topic in _subjects(plan, "claim"):
        # Before all other changes: of two environments that apply at the same time, one stops here.
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
    """Return the claim to make, or the refusal when another environment owns the topics.

    When there is no claim, existing consumer groups show the owner. ``is_used``: some of the topics exist. When none
    does, no node has a group yet.
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
        detail = f"{refusal(other, declared.env, declared.prefix)}; its group {group} shows it"
        return [Change("refuse", log.topic, detail)]
    return [Change("claim", log.topic, f"the environment {declared.env!r} owns these topics from now on")]


def _subjects(plan: Plan, action: Action) -> list[str]:
    return [change.subject for change in plan.changes if change.action == action]


def _with_room(topic: DeclaredTopic, declared: Declared, present: Mapping[str, TopicState]) -> DeclaredTopic:
    """Return a retry or dead-letter topic that takes the largest record of the node's inputs with more headers.

    The limits in the cluster count: an operator may have raised one. A limit is never lowered.
    """
    if not topic.inputs:
        return topic
    input_limits = [_limit(declared.topics[name].state, present.get(name)) for name in topic.inputs]
    room = max(int(topic.state.config[LIMIT]), max(input_limits) + LETTER_ROOM)
    current = present.get(topic.state.name)
    config = {
        **topic.state.config,
        LIMIT: str(max(room, current.max_message_bytes if current and LIMIT in current.config else 0)),
    }
    return replace(topic, state=replace(topic.state, config=config))


def _limit(wanted: TopicState, present: TopicState | None) -> int:
    if LIMIT in wanted.config:
        return int(wanted.config[LIMIT])
    return present.max_message_bytes if present else DEFAULT_MAX_MESSAGE_BYTES


def _topic_changes(topic: DeclaredTopic, present: TopicState | None) -> list[Change]:
    wanted = topic.state
    if topic.foreign:
        problem = foreign_topic_problem(topic, present)
        return [Change("refuse", wanted.name, problem)] if problem else []
    if present is None:
        factor = wanted.replication_factor
        replication = "as the cluster's default" if factor == CLUSTER_DEFAULT else factor
        detail = f"{wanted.partitions} partitions, replication {replication}"
        return [Change("create", wanted.name, detail + "".join(f", {k}={v}" for k, v in wanted.config.items()))]
    changes: list[Change] = []
    if wanted.partitions != present.partitions:
        changes.append(_partition_change(topic, present))
    differing = {k: v for k, v in wanted.config.items() if present.config.get(k) != v}
    if differing:
        detail = ", ".join(f"{k}: {present.config.get(k, 'default')} -> {v}" for k, v in differing.items())
        changes.append(Change("alter", wanted.name, detail))
    return changes


def _partition_change(topic: DeclaredTopic, present: TopicState) -> Change:
    wanted = topic.state
    numbers = f"partitions: {present.partitions} -> {wanted.partitions}"
    if wanted.partitions < present.partitions:
        return Change("refuse", wanted.name, f"{numbers}; Kafka cannot take partitions away{_follow(topic, present)}")
    if topic.keyed_state:
        why = "keys would move to other partitions than their state; make a new major version and migrate"
        return Change("refuse", wanted.name, f"{numbers}; {why}")
    return Change("grow", wanted.name, numbers)


def _follow(topic: DeclaredTopic, present: TopicState) -> str:
    """Return the remedy for an input that an operator grew. Under keyed state there is none: its keys have moved."""
    if topic.keyed_state or TopicName.parse(topic.state.name).category not in _MESSAGES:
        return ""
    remedy = f"set event_bus.topic_config.partitions to {present.partitions} in {topic.declared_by}"
    return f"; {remedy}, and run `onex apply`"


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
