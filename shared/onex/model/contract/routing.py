"""What a node reads, writes and depends on."""

from typing import Literal

from pydantic import Field, field_validator

from onex.model.contract.base import ContractPart
from onex.model.contract.identifiers import ClassName, DottedName, Identifier
from onex.model.enums import EnumTopicCategory
from onex.model.topic import TopicName, with_topic_prefix

_LIMIT, _LONGEST_LIMIT = "max.message.bytes", 9


class ModelTopicConfig(ContractPart):
    """How the topics that this node reads or keeps are created."""

    partitions: int = Field(default=4, ge=1, le=10_000)
    """Partitions of subscribed topics, changelog and retry topic: they are co-partitioned."""
    replication_factor: int | None = Field(default=None, ge=1, le=32)
    """None takes the setting ``replication_factor``."""
    kafka_config: dict[str, str] = Field(default_factory=dict)
    """Extra topic settings, applied to the subscribed topics, e.g. ``retention.ms``."""

    @field_validator("kafka_config")
    @classmethod
    def _limit_is_a_number(cls, config: dict[str, str]) -> dict[str, str]:
        limit = config.get(_LIMIT)
        if limit is not None and not (limit.isascii() and limit.isdigit() and len(limit) <= _LONGEST_LIMIT):
            raise ValueError(f"{_LIMIT} is {limit[:40]!r}; write a number of bytes")
        return config


class ModelEventBus(ContractPart):
    """Topics by name. Everything a node does is in these lists."""

    subscribe_topics: tuple[str, ...] = Field(min_length=1)
    """Inputs; the name segment says which message a topic carries."""
    publish_topics: tuple[str, ...] = ()
    """Outputs, intents and commands included."""
    dlq_topics: tuple[str, ...] = Field(default=(), max_length=1)
    """At most one; without it the name is derived from the node's."""
    topic_config: ModelTopicConfig = ModelTopicConfig()
    """How the topics that this node reads or keeps are created."""

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
        """The same topics in an environment."""
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
    """One message type and the method that takes it."""

    event_model: ClassName
    """Class name of the message."""
    handler: Identifier
    """Method of the node class."""
    output_events: tuple[ClassName, ...] = ()
    """Class names of everything it may answer."""


class ModelHandlerRouting(ContractPart):
    """Which method takes which message; the topic decides the type, so routing is by type."""

    routing_strategy: Literal["payload_type_match"] = "payload_type_match"
    """The topic decides the type, the type the handler."""
    handlers: tuple[ModelHandler, ...] = Field(min_length=1)
    """One for each message type taken."""


class ModelDependency(ContractPart):
    """Something that must be importable before the node starts; checked at start."""

    name: str
    """What people call it."""
    type: Literal["model", "protocol", "package"]
    """What sort of thing it is."""
    module: DottedName
    """Dotted name to import."""
    class_name: Identifier | None = None
    """Must be found in that module."""
