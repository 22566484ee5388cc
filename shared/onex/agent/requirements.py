"""What must be there before a node can run."""

from onex.bus.protocols import ProtocolEventBus
from onex.contract import ResolvedNode
from onex.model.errors import ConfigurationError, MissingTopicError


def check_topics(bus: ProtocolEventBus, resolved: ResolvedNode) -> None:
    """Every topic exists, and those of keyed state are co-partitioned; raises what is wrong."""
    contract = resolved.contract
    inputs = [*resolved.routes, contract.retry_topic]
    wanted = [*inputs, *contract.event_bus.publish_topics, contract.dead_letter_topic]
    if contract.has_changelog:
        inputs.append(contract.changelog_topic)
        wanted.append(contract.changelog_topic)
    found = bus.admin.topics(wanted)
    if missing := [topic for topic in wanted if topic not in found]:
        raise MissingTopicError(f"missing topics: {', '.join(missing)}; run `onex apply`")
    counts = {topic: found[topic].partitions for topic in inputs}
    if contract.has_changelog and len(set(counts.values())) > 1:
        told = ", ".join(f"{topic} has {count}" for topic, count in counts.items())
        raise ConfigurationError(f"topics of {contract.name} must have equally many partitions: {told}")
