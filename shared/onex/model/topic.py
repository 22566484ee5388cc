"""Names on the wire: topics, changelogs, groups. Pattern: ``{prefix}onex.{category}.{owner}.{name}.v{n}``.

The prefix separates environments on one cluster. Contracts never contain it: it comes from the setting
``topic_prefix`` and is added when a node is resolved.
"""

import re
from dataclasses import dataclass

from onex.model.enums import EnumTopicCategory

PREFIX_PATTERN = r"(?:[a-z0-9][a-z0-9-]*\.)*"
"""Words that each end in a dot: ``staging.``, ``shop.staging.``; empty for none. An underscore is no part of it:
Kafka's metrics do not distinguish it from a dot."""
LONGEST_PREFIX = 64
"""Characters. Kafka allows 249 for the whole name of a topic."""
_LONGEST = 249
"""Characters of the name of a topic, by Kafka."""
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_PATTERN = re.compile(
    rf"^({PREFIX_PATTERN})onex\.([a-z]+)\.([a-z0-9][a-z0-9-]*)\.([a-z0-9][a-z0-9-]*)\.v([1-9][0-9]*)$"
)


def kebab(class_name: str) -> str:
    """``OrderPriced`` -> ``order-priced``; a leading ``Model`` is dropped as ONEX names have it."""
    return _WORD.sub("-", class_name.removeprefix("Model")).lower().replace("_", "-")


@dataclass(frozen=True, slots=True)
class TopicName:
    """A parsed topic name."""

    category: EnumTopicCategory
    owner: str
    name: str
    version: int
    prefix: str = ""
    """Of the environment; ends in a dot unless it is empty."""

    @classmethod
    def parse(cls, text: str) -> "TopicName":
        """Read a topic name; raises ValueError that says what a right one looks like."""
        if len(text) > _LONGEST:
            raise ValueError(f"{text[:40]!r}... has {len(text)} characters; a topic has at most {_LONGEST}")
        match = _PATTERN.fullmatch(text)
        if match is None or match[2] not in set(EnumTopicCategory):
            categories = "|".join(EnumTopicCategory)
            raise ValueError(f"{text!r} is not of the form onex.{{{categories}}}.{{owner}}.{{name}}.v{{n}}")
        return cls(EnumTopicCategory(match[2]), match[3], match[4], int(match[5]), match[1])

    @property
    def message_type(self) -> str:
        """The name without the prefix: what a topic carries is the same in every environment."""
        return f"onex.{self.category}.{self.owner}.{self.name}.v{self.version}"

    def __str__(self) -> str:
        return self.prefix + self.message_type


def with_topic_prefix(topic: str, prefix: str) -> str:
    """A topic in another environment: ``prefix`` instead of the one that it has. Raises ValueError as ``parse``."""
    return prefix + TopicName.parse(topic).message_type


def is_retry_topic(text: str) -> bool:
    """Whether a topic is the private input of some node, in any environment. Never raises."""
    match = _PATTERN.fullmatch(text)
    return match is not None and match[2] == EnumTopicCategory.RETRY


def _owner_and_kind(node: str) -> tuple[str, str]:
    base, _, kind = node.removeprefix("node_").rpartition("_")
    return base.replace("_", "-"), kind


def dead_letter_topic(node: str, major: int, prefix: str = "") -> str:
    """Where the dead letters of a node go."""
    owner, kind = _owner_and_kind(node)
    return str(TopicName(EnumTopicCategory.DLQ, owner, kind, major, prefix))


def retry_topic(node: str, major: int, prefix: str = "") -> str:
    """The node's private input: replayed records reach this node and no other."""
    owner, kind = _owner_and_kind(node)
    return str(TopicName(EnumTopicCategory.RETRY, owner, kind, major, prefix))


def cancel_topic(node: str, major: int, prefix: str = "") -> str:
    """Where a declared workflow takes :class:`onex.model.cancel.CancelWorkflow`."""
    owner, _ = _owner_and_kind(node)
    return str(TopicName(EnumTopicCategory.CMD, owner, "cancel-workflow", major, prefix))


def repeated_topic(node: str, major: int, prefix: str = "") -> str:
    """Where a declared workflow answers repeated commands, by :class:`onex.model.repeated.CompletionRepeated`."""
    owner, _ = _owner_and_kind(node)
    return str(TopicName(EnumTopicCategory.EVT, owner, "completion-repeated", major, prefix))


def changelog_topic(node: str, major: int, prefix: str = "") -> str:
    """The compacted topic that holds the keyed state of a node."""
    return f"{prefix}onex.state.{node}.v{major}"


def environment_topic(prefix: str = "") -> str:
    """The topic that says which environment the topics with this prefix belong to."""
    return f"{prefix}onex.environment.v1"


def consumer_group(env: str, node: str, major: int, purpose: str = "consume", prefix: str = "") -> str:
    """Group of all instances of a node; never carries an instance id."""
    return f"{prefix}{env}.{node}.{purpose}.v{major}"


def environment_of_group(group: str, prefix: str = "") -> tuple[str, str] | None:
    """Environment and node of a group that instances of a node make; None for any other group."""
    match = re.fullmatch(r"([a-z0-9-]+)\.(node_[a-z0-9_]+)\.consume\.v[1-9][0-9]*", group.removeprefix(prefix))
    return (match[1], match[2]) if match and group.startswith(prefix) else None
