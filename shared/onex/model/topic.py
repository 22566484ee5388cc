"""Names on the wire: topics, changelogs, groups. Pattern: ``onex.{category}.{owner}.{name}.v{n}``."""

import re
from dataclasses import dataclass

from onex.model.enums import EnumTopicCategory

_PATTERN = re.compile(r"^onex\.([a-z]+)\.([a-z0-9][a-z0-9-]*)\.([a-z0-9][a-z0-9-]*)\.v([1-9][0-9]*)$")
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


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

    @classmethod
    def parse(cls, text: str) -> "TopicName":
        """Read a topic name; raises ValueError that says what a right one looks like."""
        match = _PATTERN.match(text)
        if match is None or match[1] not in set(EnumTopicCategory):
            categories = "|".join(EnumTopicCategory)
            raise ValueError(f"{text!r} is not of the form onex.{{{categories}}}.{{owner}}.{{name}}.v{{n}}")
        return cls(EnumTopicCategory(match[1]), match[2], match[3], int(match[4]))

    def __str__(self) -> str:
        return f"onex.{self.category}.{self.owner}.{self.name}.v{self.version}"


def _owner_and_kind(node: str) -> tuple[str, str]:
    base, _, kind = node.removeprefix("node_").rpartition("_")
    return base.replace("_", "-"), kind


def dead_letter_topic(node: str, major: int) -> str:
    """Where the dead letters of a node go."""
    owner, kind = _owner_and_kind(node)
    return str(TopicName(EnumTopicCategory.DLQ, owner, kind, major))


def retry_topic(node: str, major: int) -> str:
    """The node's private input: replayed records reach this node and no other."""
    owner, kind = _owner_and_kind(node)
    return str(TopicName(EnumTopicCategory.RETRY, owner, kind, major))


def cancel_topic(node: str, major: int) -> str:
    """Where a declared workflow takes :class:`onex.model.cancel.CancelWorkflow`."""
    owner, _ = _owner_and_kind(node)
    return str(TopicName(EnumTopicCategory.CMD, owner, "cancel-workflow", major))


def changelog_topic(node: str, major: int) -> str:
    """The compacted topic that holds the keyed state of a node."""
    return f"onex.state.{node}.v{major}"


def consumer_group(env: str, node: str, major: int, purpose: str = "consume") -> str:
    """Group of all instances of a node; never carries an instance id."""
    return f"{env}.{node}.{purpose}.v{major}"
