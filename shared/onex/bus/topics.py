"""Topics that a caller needs: their states and partitions, or one error that names those that do not exist."""

from collections.abc import Iterable, Mapping, Sequence

from onex.bus.protocols import Partition, ProtocolAdmin, TopicState
from onex.errors import MissingTopicError


def require_topics(admin: ProtocolAdmin, names: Sequence[str]) -> Mapping[str, TopicState]:
    """Return the states of topics by name. Raise MissingTopicError when one does not exist, BusError."""
    states = admin.topics(names)
    if missing := [name for name in names if name not in states]:
        raise missing_topics(missing)
    return states


def require_topic(admin: ProtocolAdmin, name: str) -> TopicState:
    """Return the state of a topic. Raise MissingTopicError when it does not exist, BusError."""
    return require_topics(admin, [name])[name]


def missing_topics(names: Iterable[str]) -> MissingTopicError:
    """Return the error for topics that do not exist."""
    return MissingTopicError(f"missing topics: {', '.join(names)}; run `onex apply`")


def all_partitions(states: Iterable[TopicState]) -> list[Partition]:
    """Return every partition of topics, in the order of the topics."""
    return [Partition(state.name, number) for state in states for number in range(state.partitions)]
