"""The keyed state that checkpoints are made of."""

from dataclasses import dataclass

from onex.model.topic import changelog_topic, checkpoint_topic, consumer_group


@dataclass(frozen=True, slots=True)
class CheckpointSource:
    """A REDUCER or ORCHESTRATOR in one environment."""

    node: str
    version: str
    """Version of its contract; only the major one where no more is known."""
    changelog: str
    topic: str
    """Topic of its checkpoints."""
    group: str

    @classmethod
    def of(cls, node: str, version: str, env: str, prefix: str) -> "CheckpointSource":
        """Return the source of a node by its name and the version of its contract."""
        major = int(version.partition(".")[0])
        return cls(
            node,
            version,
            changelog_topic(node, major, prefix),
            checkpoint_topic(node, major, prefix),
            consumer_group(env, node, major, prefix=prefix),
        )

    @property
    def transactional_id(self) -> str:
        """The id with which checkpoints are written. A second writer fences the first."""
        return f"{self.group}.checkpoint"
