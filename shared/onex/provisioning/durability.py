"""Finds topics that can lose acknowledged records when one broker is lost."""

from collections.abc import Collection
from typing import Final

from onex.bus.protocols import TopicState

REPLICAS: Final = 3
IN_SYNC: Final = 2
REMEDY: Final = (
    "set default.replication.factor and min.insync.replicas of the cluster (or ONEX_REPLICATION_FACTOR) before "
    "topics are created; Kafka's kafka-reassign-partitions and kafka-configs change topics that exist"
)
_NAMED: Final = 3
"""Maximum number of topics that a warning names."""


def weak_topics(topics: Collection[TopicState]) -> str:
    """Return a warning that names the topics with less than 3 replicas or 2 in sync; empty when all have enough.

    With one replica in sync, ``acks=all`` is the acknowledgement of a single broker.
    """
    weak = [topic for topic in topics if topic.replication_factor < REPLICAS or topic.min_insync_replicas < IN_SYNC]
    if not weak:
        return ""
    named = ", ".join(
        f"{topic.name} ({topic.replication_factor} and {topic.min_insync_replicas})" for topic in weak[:_NAMED]
    )
    more = f" and {len(weak) - _NAMED} more" if len(weak) > _NAMED else ""
    return f"topics with less than {REPLICAS} replicas or {IN_SYNC} replicas in sync: {named}{more}"
