"""Names of topics, changelogs and groups. Pattern: ``{prefix}onex.{category}.{owner}.{name}.v{n}``.

The prefix separates environments on one cluster. Contracts never contain it: it comes from the setting
``topic_prefix`` and is added when a node is resolved.
"""

import re
from dataclasses import dataclass

from onex.model.enums import EnumTopicCategory

PREFIX_PATTERN = r"(?:[a-z0-9][a-z0-9-]*\.)*"
"""Words that each end in a dot: ``staging.``, ``shop.staging.``. It may be empty. It contains no underscore: Kafka's
metrics do not distinguish underscores from dots."""
LONGEST_PREFIX = 64
"""Longest prefix, in characters. Kafka allows 249 for the whole name of a topic."""
_LONGEST = 249
"""Longest name of a topic in Kafka, in characters."""
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_PATTERN = re.compile(
    rf"^({PREFIX_PATTERN})onex\.([a-z]+)\.([a-z0-9][a-z0-9-]*)\.([a-z0-9][a-z0-9-]*)\.v([1-9][0-9]*)$"
)


def kebab(class_name: str) -> str:
    """Return ``order-priced`` for ``OrderPriced``. A leading ``Model``, as in ONEX names, is removed."""
    return _WORD.sub("-", class_name.removeprefix("Model")).lower().replace("_", "-")


@dataclass(frozen=True, slots=True)
class TopicName:
    """A parsed topic name."""

    category: EnumTopicCategory
    owner: str
    name: str
    version: int
    prefix: str = ""
    """Prefix of the environment. It ends in a dot unless it is empty."""

    @classmethod
    def parse(cls, text: str) -> "TopicName":
        """Parse a topic name. Raise ValueError with the expected form."""
        if len(text) > _LONGEST:
            raise ValueError(f"{text[:40]!r}... has {len(text)} characters; a topic has at most {_LONGEST}")
        match = _PATTERN.fullmatch(text)
        if match is None or match[2] not in set(EnumTopicCategory):
            categories = "|".join(EnumTopicCategory)
            raise ValueError(f"{text!r} is not of the form onex.{{{categories}}}.{{owner}}.{{name}}.v{{n}}")
        return cls(EnumTopicCategory(match[2]), match[3], match[4], int(match[5]), match[1])

    @property
    def message_type(self) -> str:
        """The name without the prefix. It is the same in every environment."""
        return f"onex.{self.category}.{self.owner}.{self.name}.v{self.version}"

    def __str__(self) -> str:
        return self.prefix + self.message_type


_KAFKA_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}")
_OF_THE_MESH = re.compile(r"(?:^|\.)onex\.")


def is_foreign(topic: str) -> bool:
    """Return whether a topic of a contract exists outside of the mesh, which neither creates nor changes it."""
    return _PATTERN.fullmatch(topic) is None


def foreign_name_problem(topic: str) -> str:
    """Return why a name cannot be that of a topic outside of the mesh. Empty when it can."""
    if _KAFKA_NAME.fullmatch(topic) is None or topic in (".", ".."):
        return f"{topic[:300]!r} is no name of a Kafka topic; use 1 to 249 of letters, digits, dot, hyphen, _"
    if topic.startswith("__"):
        return f"{topic!r} belongs to Kafka itself"
    return ""


def looks_like_own(topic: str) -> bool:
    """Return whether a name is one of the mesh, or a misspelt one."""
    return _OF_THE_MESH.search(topic) is not None


def carries_commands(topic: str) -> bool:
    """Return whether the messages of a topic are commands. Those of foreign topics are facts."""
    return not is_foreign(topic) and TopicName.parse(topic).category is EnumTopicCategory.CMD


def with_topic_prefix(topic: str, prefix: str) -> str:
    """Return a topic with another prefix. Foreign topics have the same name in every environment."""
    return topic if is_foreign(topic) else prefix + TopicName.parse(topic).message_type


def is_retry_topic(text: str) -> bool:
    """Return whether a name is that of a retry topic, in any environment. Raise nothing."""
    match = _PATTERN.fullmatch(text)
    return match is not None and match[2] == EnumTopicCategory.RETRY


def _owner_and_kind(node: str) -> tuple[str, str]:
    base, _, kind = node.removeprefix("node_").rpartition("_")
    return base.replace("_", "-"), kind


def dead_letter_topic(node: str, major: int, prefix: str = "") -> str:
    """Return the dead-letter topic of a node."""
    owner, kind = _owner_and_kind(node)
    return str(TopicName(EnumTopicCategory.DLQ, owner, kind, major, prefix))


def retry_topic(node: str, major: int, prefix: str = "") -> str:
    """Return the retry topic of a node: replayed records reach this node and no other."""
    owner, kind = _owner_and_kind(node)
    return str(TopicName(EnumTopicCategory.RETRY, owner, kind, major, prefix))


def cancel_topic(node: str, major: int, prefix: str = "") -> str:
    """Return the topic on which a declared workflow takes :class:`onex.model.cancel.CancelWorkflow`."""
    owner, _ = _owner_and_kind(node)
    return str(TopicName(EnumTopicCategory.CMD, owner, "cancel-workflow", major, prefix))


def repeated_topic(node: str, major: int, prefix: str = "") -> str:
    """Return the topic of :class:`onex.model.repeated.CompletionRepeated`, the reply to a repeated command."""
    owner, _ = _owner_and_kind(node)
    return str(TopicName(EnumTopicCategory.EVT, owner, "completion-repeated", major, prefix))


def changelog_topic(node: str, major: int, prefix: str = "") -> str:
    """Return the compacted topic with the keyed state of a node."""
    return f"{prefix}onex.state.{node}.v{major}"


def checkpoint_topic(node: str, major: int, prefix: str = "") -> str:
    """Return the compacted topic with the checkpoints of a node's keyed state."""
    return f"{prefix}onex.checkpoint.{node}.v{major}"


def environment_topic(prefix: str = "") -> str:
    """Return the topic that names the owner of the topics with this prefix."""
    return f"{prefix}onex.environment.v1"


def consumer_group(env: str, node: str, major: int, purpose: str = "consume", prefix: str = "") -> str:
    """Return the group of all instances of a node. It never contains an instance name."""
    return f"{prefix}{env}.{node}.{purpose}.v{major}"


def environment_of_group(group: str, prefix: str = "") -> tuple[str, str] | None:
    """Return environment and node of a node's group. Return None for any other group."""
    match = re.fullmatch(r"([a-z0-9-]+)\.(node_[a-z0-9_]+)\.consume\.v[1-9][0-9]*", group.removeprefix(prefix))
    return (match[1], match[2]) if match and group.startswith(prefix) else None
