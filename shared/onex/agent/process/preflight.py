"""Checks of the topics before a node runs."""

from collections.abc import Mapping

from onex.bus.protocols import ProtocolEventBus, TopicState
from onex.bus.topics import require_topics
from onex.contract import ResolvedNode
from onex.errors import ConfigurationError
from onex.model.contract import ModelContract
from onex.wire.sizes import LETTER_ROOM, LIMIT


def check_topics(bus: ProtocolEventBus, resolved: ResolvedNode) -> Mapping[str, TopicState]:
    """Check that every topic exists, that those of keyed state are co-partitioned, and that dead letters fit.

    Return the topics by name. Raises MissingTopicError and ConfigurationError.
    """
    contract = resolved.contract
    inputs = [*resolved.routes, contract.retry_topic]
    wanted = [*inputs, *contract.event_bus.publish_topics, contract.dead_letter_topic]
    if contract.has_changelog:
        inputs.append(contract.changelog_topic)
        wanted.append(contract.changelog_topic)
    if resolved.has_checkpoints:
        wanted.append(contract.checkpoint_topic)
    topics = require_topics(bus.admin, wanted)
    counts = {topic: topics[topic].partitions for topic in inputs}
    if contract.has_changelog and len(set(counts.values())) > 1:
        counted = ", ".join(f"{topic} has {count}" for topic, count in counts.items())
        raise ConfigurationError(f"topics of {contract.name} must have equally many partitions: {counted}")
    _check_retry_topic(contract, [topics[topic] for topic in resolved.routes], topics[contract.retry_topic])
    _check_limits(contract, [topics[topic] for topic in resolved.routes], topics)
    return topics


def _check_retry_topic(contract: ModelContract, inputs: list[TopicState], retry: TopicState) -> None:
    """Check that the retry topic has enough partitions: a message waits on the one with the number of its own."""
    widest = max(inputs, key=lambda topic: topic.partitions, default=retry)
    if widest.partitions > retry.partitions:
        raise ConfigurationError(
            f"{retry.name} has {retry.partitions} partitions and {widest.name} has {widest.partitions}: set "
            f"event_bus.topic_config.partitions of {contract.name} to {widest.partitions} and run `onex apply`"
        )


def _check_limits(contract: ModelContract, inputs: list[TopicState], topics: Mapping[str, TopicState]) -> None:
    """Check that a record that fits its topic fits the retry and dead-letter topics, too."""
    if not inputs:
        return
    largest = max(inputs, key=lambda topic: topic.max_message_bytes)
    for name in (contract.retry_topic, contract.dead_letter_topic):
        if topics[name].max_message_bytes < largest.max_message_bytes + LETTER_ROOM:
            raise ConfigurationError(
                f"{name}: {LIMIT} is {topics[name].max_message_bytes}, and {largest.name} takes records of "
                f"{largest.max_message_bytes} bytes, which need {LETTER_ROOM} more there; run `onex apply`"
            )
