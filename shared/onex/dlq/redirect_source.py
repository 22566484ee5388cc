"""The node whose dead letters go elsewhere. Its contract may be gone: it was renamed, or its version is over."""

from dataclasses import dataclass

from onex.contract import ResolvedNode
from onex.model.topic import changelog_topic, consumer_group, dead_letter_topic


@dataclass(frozen=True, slots=True)
class LetterSource:
    """Name and version of a node, with its contract where there is one."""

    node: str
    major: int
    env: str
    prefix: str = ""
    resolved: ResolvedNode | None = None

    @property
    def dead_letter_topic(self) -> str:
        """Topic of the letters."""
        if self.resolved is not None:
            return self.resolved.contract.dead_letter_topic
        return dead_letter_topic(self.node, self.major, self.prefix)

    @property
    def changelog_topic(self) -> str:
        """Topic that the letters of its timers name."""
        return changelog_topic(self.node, self.major, self.prefix)

    @property
    def transactional_id(self) -> str:
        """The id of all commands that change these letters."""
        return f"{consumer_group(self.env, self.node, self.major, prefix=self.prefix)}.dlq"

    @property
    def fenced_by(self) -> str:
        """Retry topic on which keys wait for dead letters; empty for a node without ``order_fence``."""
        if self.resolved is None or not self.resolved.contract.error_handling.dead_letter.order_fence:
            return ""
        return self.resolved.contract.retry_topic
