"""Topics, handlers and dependencies of a node."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from onex.model.contract.aggregation import Aggregation, ModelAggregation
from onex.model.contract.base import ContractPart
from onex.model.contract.identifiers import ClassName, DottedName, Identifier, class_name_problem, identifier_problem
from onex.model.contract.sources import FieldValues, OneMapped
from onex.model.enums import EnumTopicCategory
from onex.model.topic import TopicName, kebab, with_topic_prefix

_LIMIT, _LONGEST_LIMIT = "max.message.bytes", 9


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

    subscribe_topics: tuple[str, ...] = Field(min_length=1)
    """Inputs. The name segment of a topic names its message, unless ``topics`` names it."""
    publish_topics: tuple[str, ...] = ()
    """Outputs, including intents and commands."""
    dlq_topics: tuple[str, ...] = Field(default=(), max_length=1)
    """At most one topic. Default: a name derived from the node."""
    topics: dict[str, str] = Field(default_factory=dict)
    """Class name of the message by topic, for topics above whose name segment is not the name of their message."""
    topic_config: ModelTopicConfig = ModelTopicConfig()
    """Settings of the topics that belong to the node."""

    @field_validator("subscribe_topics", "publish_topics", "dlq_topics")
    @classmethod
    def _names_parse(cls, topics: tuple[str, ...]) -> tuple[str, ...]:
        for topic in topics:
            if prefix := TopicName.parse(topic).prefix:
                plain = topic.removeprefix(prefix)
                raise ValueError(f"{topic!r}: write {plain}, and set ONEX_TOPIC_PREFIX={prefix} where the node runs")
        if len(set(topics)) != len(topics):
            raise ValueError("a topic is listed twice")
        return topics

    @field_validator("topics")
    @classmethod
    def _messages_are_classes(cls, topics: dict[str, str]) -> dict[str, str]:
        problems = [f"{topic}: {problem}" for topic, name in topics.items() if (problem := class_name_problem(name))]
        if problems:
            raise ValueError("; ".join(problems))
        return topics

    @model_validator(mode="after")
    def _bound_topics_are_listed(self) -> "ModelEventBus":
        listed = {*self.subscribe_topics, *self.publish_topics}
        problems = [
            f"topics has {topic[:300]!r}, which is neither in subscribe_topics nor in publish_topics"
            for topic in self.topics
            if topic not in listed
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def carries(self, topic: str, message: str) -> bool:
        """Return whether a topic carries the message with this class name."""
        bound = self.topics.get(topic)
        return TopicName.parse(topic).name == kebab(message) if bound is None else bound == message

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
        bound = {with_topic_prefix(topic, prefix): name for topic, name in self.topics.items()}
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
