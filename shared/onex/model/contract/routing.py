"""Topics, handlers and dependencies of a node."""

from typing import Literal

from pydantic import Field, field_validator

from onex.model.contract.base import ContractPart
from onex.model.contract.identifiers import ClassName, DottedName, Identifier
from onex.model.enums import EnumTopicCategory
from onex.model.topic import TopicName, with_topic_prefix

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
    """Inputs. The name segment of a topic names its message."""
    publish_topics: tuple[str, ...] = ()
    """Outputs, including intents and commands."""
    dlq_topics: tuple[str, ...] = Field(default=(), max_length=1)
    """At most one topic. Default: a name derived from the node."""
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
        return self.model_copy(update=lists)


class ModelHandler(ContractPart):
    """A message type and its handler method."""

    event_model: ClassName
    """Class name of the message."""
    handler: Identifier
    """Method of the node class."""
    output_events: tuple[ClassName, ...] = ()
    """Class names of all results of the method."""


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
