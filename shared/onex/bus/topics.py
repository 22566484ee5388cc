"""Topics that a caller needs: their states and partitions, or one error that names those that do not exist."""

from collections.abc import Iterable, Mapping, Sequence

from onex.bus.protocols import Partition, ProtocolAdmin, TopicState
from onex.errors import MissingTopicError
from onex.model.topic import looks_like_own

_CATALOGUE = "_schemas"
"""End of the name of the topic with the schemas, which has Confluent's name."""


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
    missing = list(names)
    own = [name for name in missing if looks_like_own(name) or name.endswith(_CATALOGUE)]
    remedy = "run `onex apply`" if len(own) == len(missing) else "create those of others where they belong"
    if 0 < len(own) < len(missing):
        remedy = f"run `onex apply`, and {remedy}"
    return MissingTopicError(f"missing topics: {', '.join(missing)}; {remedy}")


def all_partitions(states: Iterable[TopicState]) -> list[Partition]:
    """Return every partition of topics, in the order of the topics."""
    return [Partition(state.name, number) for state in states for number in range(state.partitions)]
