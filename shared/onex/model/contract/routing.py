"""Topics, handlers and dependencies of a node."""

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from onex.model.contract.aggregation import Aggregation, ModelAggregation
from onex.model.contract.base import ContractPart
from onex.model.contract.bound_topic import BoundTopic, ModelBoundTopic
from onex.model.contract.identifiers import ClassName, DottedName, Identifier, identifier_problem
from onex.model.contract.sources import FieldValues, OneMapped
from onex.model.enums import EnumTopicCategory
from onex.model.topic import (
    TopicName,
    foreign_name_problem,
    is_foreign,
    kebab,
    looks_like_own,
    with_topic_prefix,
)

_LIMIT, _LONGEST_LIMIT = "max.message.bytes", 9
_OF_INPUTS = frozenset({"unknown_fields", "correlation", "other_types", "tombstones"})
"""Keys of a bound topic that only matter to its readers."""


def _require_no_prefix(topic: str) -> None:
    if prefix := TopicName.parse(topic).prefix:
        plain = topic.removeprefix(prefix)
        raise ValueError(f"{topic!r}: write {plain}, and set ONEX_TOPIC_PREFIX={prefix} where the node runs")


def _form_of(topic: str) -> str:
    """Return why a name is none of the mesh."""
    try:
        TopicName.parse(topic)
    except ValueError as error:
        return str(error)
    return ""


def _listed_once(topics: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(topics)) != len(topics):
        raise ValueError("a topic is listed twice")
    return topics


class ModelTopicConfig(ContractPart):
    """Settings of the topics that belong to the node."""

    partitions: int = Field(default=4, ge=1, le=10_000)
    """Partitions of subscribed topics, changelog and retry topic. They are co-partitioned."""
    replication_factor: int | None = Field(default=None, ge=1, le=32)
    """None: the setting ``replication_factor``."""
    kafka_config: dict[str, str] = Field(default_factory=dict)
    """Further settings of the subscribed topics, e.g. ``retention.ms``."""

    @field_validator("kafka_config")
    @classmethod
    def _limit_is_a_number(cls, config: dict[str, str]) -> dict[str, str]:
        limit = config.get(_LIMIT)
        if limit is not None and not (limit.isascii() and limit.isdigit() and len(limit) <= _LONGEST_LIMIT):
            raise ValueError(f"{_LIMIT} is {limit[:40]!r}; write a number of bytes")
        return config


class ModelEventBus(ContractPart):
    """All topics of a node, by name."""

    topics: dict[str, BoundTopic] = Field(default_factory=dict)
    """Message by topic, for topics below whose name segment is not the name of their message, that carry JSON, or
    that exist outside of the mesh: ``{shop.orders: {message: Order, format: json, key: order_id}}``."""
    subscribe_topics: tuple[str, ...] = Field(min_length=1)
    """Inputs. The name segment of a topic names its message, unless ``topics`` names it."""
    publish_topics: tuple[str, ...] = ()
    """Outputs, including intents and commands."""
    dlq_topics: tuple[str, ...] = Field(default=(), max_length=1)
    """At most one topic. Default: a name derived from the node."""
    sends_any_command: bool = False
    """ORCHESTRATOR in code: the node sends ``CommandText`` to topics of commands that ``publish_topics`` does not
    list. The scheduler of the mesh is such a node."""
    topic_config: ModelTopicConfig = ModelTopicConfig()
    """Settings of the topics that belong to the node."""

    @field_validator("topics")
    @classmethod
    def _foreign_topics_have_a_format(cls, topics: dict[str, ModelBoundTopic]) -> dict[str, ModelBoundTopic]:
        problems = [
            f"{topic[:300]}: no topic of the mesh, so it needs a format: {{message: {bound.names[0]}, format: json}}"
            for topic, bound in topics.items()
            if bound.format is None and is_foreign(topic) and not looks_like_own(topic)
        ]
        problems += [
            f"{topic[:300]}: topics of the mesh are Avro; remove format"
            for topic, bound in topics.items()
            if bound.format == "avro" and not is_foreign(topic)
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return topics

    @field_validator("subscribe_topics", "publish_topics")
    @classmethod
    def _names_are_of_the_mesh_or_bound(cls, topics: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        bound = info.data.get("topics")
        for topic in topics:
            if looks_like_own(topic) or not is_foreign(topic):
                _require_no_prefix(topic)
            elif problem := foreign_name_problem(topic):
                raise ValueError(problem)
            elif bound is not None and topic not in bound:
                raise ValueError(
                    f"{_form_of(topic)}; a topic that exists outside of the mesh is bound in event_bus.topics: "
                    f"{topic}: {{message: Order, format: json}}"
                )
        return _listed_once(topics)

    @field_validator("dlq_topics")
    @classmethod
    def _names_parse(cls, topics: tuple[str, ...]) -> tuple[str, ...]:
        for topic in topics:
            _require_no_prefix(topic)
        return _listed_once(topics)

    @model_validator(mode="after")
    def _bound_topics_are_listed(self) -> "ModelEventBus":
        listed = {*self.subscribe_topics, *self.publish_topics}
        problems = [
            f"topics has {topic[:300]!r}, which is neither in subscribe_topics nor in publish_topics"
            for topic in self.topics
            if topic not in listed
        ]
        problems += [
            f"topics.{topic}.{name} belongs to a topic in subscribe_topics"
            for topic, bound in self.topics.items()
            for name in sorted(bound.model_fields_set & _OF_INPUTS)
            if topic in listed and topic not in self.subscribe_topics
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def has_schema(self, topic: str) -> bool:
        """Return whether the values of a topic are Avro with the schema of their message."""
        bound = self.topics.get(topic)
        return bound is None or bound.format is None

    @property
    def bound(self) -> dict[str, tuple[str, ...]]:
        """Class names of the messages by topic that names its messages."""
        return {topic: bound.names for topic, bound in self.topics.items()}

    def type_headers(self, topic: str, message: str) -> list[tuple[str, bytes]]:
        """Return the header that names the type of a message on a topic with several messages."""
        bound = self.topics.get(topic)
        return [] if bound is None else bound.type_headers(message)

    def carries(self, topic: str, message: str) -> bool:
        """Return whether a topic carries the message with this class name."""
        bound = self.topics.get(topic)
        return TopicName.parse(topic).name == kebab(message) if bound is None else message in bound.names

    @field_validator("dlq_topics")
    @classmethod
    def _is_dead_letter_topic(cls, topics: tuple[str, ...]) -> tuple[str, ...]:
        for topic in topics:
            if TopicName.parse(topic).category is not EnumTopicCategory.DLQ:
                raise ValueError(f"{topic!r} is not a dead-letter topic; its category must be dlq")
        return topics

    def with_prefix(self, prefix: str) -> "ModelEventBus":
        """Return the topics in an environment with a prefix."""
        lists = {
            name: tuple(with_topic_prefix(topic, prefix) for topic in topics)
            for name, topics in (
                ("subscribe_topics", self.subscribe_topics),
                ("publish_topics", self.publish_topics),
                ("dlq_topics", self.dlq_topics),
            )
        }
        bound = {with_topic_prefix(topic, prefix): form for topic, form in self.topics.items()}
        return self.model_copy(update={**lists, "topics": bound})


class ModelHandler(ContractPart):
    """A message type and its handler method."""

    event_model: ClassName
    """Class name of the message."""
    handler: Identifier
    """Method of the node class."""
    output_events: tuple[ClassName, ...] = ()
    """Class names of all results of the method."""
    mapping: OneMapped = Field(default_factory=dict)
    """``{OutputEvent: {field: Message.field}}``: how one of the results is made, of ``event_model`` and in a REDUCER
    also of the new state. A handler with several results maps the one that it returns; the others need code."""
    aggregate: dict[str, Aggregation] = Field(default_factory=dict)
    """REDUCER: how ``event_model`` changes the state, by field of the state. Other fields stay as they are."""

    @field_validator("aggregate")
    @classmethod
    def _are_fields(cls, aggregate: dict[str, ModelAggregation]) -> dict[str, ModelAggregation]:
        if problems := [problem for name in aggregate if (problem := identifier_problem(name))]:
            raise ValueError("; ".join(problems))
        return aggregate

    @model_validator(mode="after")
    def _maps_a_result(self) -> "ModelHandler":
        if others := [name for name in self.mapping if name not in self.output_events]:
            raise ValueError(f"mapping has {others[0]}, which is not in output_events")
        return self

    @property
    def mapped(self) -> tuple[str, FieldValues] | None:
        """The result that the contract maps, with the values of its fields."""
        return next(iter(self.mapping.items()), None)


class ModelHandlerRouting(ContractPart):
    """The handler method of each message type."""

    routing_strategy: Literal["payload_type_match"] = "payload_type_match"
    """The topic decides the message type, and the message type the handler."""
    handlers: tuple[ModelHandler, ...] = Field(min_length=1)
    """One entry for each message type."""


class ModelDependency(ContractPart):
    """A module that must be importable. It is checked before the node starts."""

    name: str
    """Name for people."""
    type: Literal["model", "protocol", "package"]
    """Kind of the dependency."""
    module: DottedName
    """Dotted name to import."""
    class_name: Identifier | None = None
    """Class that the module must have."""
