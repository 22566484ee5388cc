"""Looks at the latest records of foreign topics: would a node take them? Only reads."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from onex.bus.protocols import ProtocolEventBus, ProtocolRecord, TopicState
from onex.bus.topics import all_partitions
from onex.contract import ResolvedNode, Route
from onex.errors import BusError, MessageError, RejectedError
from onex.model.contract import ModelBoundTopic
from onex.model.topic import is_foreign
from onex.schema import ProtocolSchemaCatalogue, TopicCodecs
from onex.schema.topic_codecs import UnlistedTypeError
from onex.wire.foreign_headers import headers_of
from onex.wire.message_key import key_in, require_key

_LATEST: Final = 10
"""Records of a partition that are looked at."""
_MOST_PARTITIONS: Final = 32
"""Partitions of a topic that are looked at."""


def sample_warnings(
    nodes: Iterable[ResolvedNode], bus: ProtocolEventBus, catalogue: ProtocolSchemaCatalogue
) -> Iterator[str]:
    """Yield a text for each input of others whose latest records a node would refuse, with the first reason."""
    inputs = [(node, route) for node in nodes for topic, route in node.routes.items() if is_foreign(topic)]
    present: Mapping[str, TopicState] = {}
    if inputs:
        present = bus.admin.topics(sorted({route.topic for _, route in inputs}))
    for node, route in inputs:
        if route.topic not in present:
            continue
        try:
            count, reasons = _sampled(node, route, present[route.topic], bus, catalogue)
        except (BusError, MessageError) as error:
            yield f"{route.topic}: its records cannot be looked at: {error}"
            continue
        if reasons:
            refused = f"{len(reasons)} of the {count} latest records would be dead letters of {node.contract.name}"
            yield f"{route.topic}: {refused}: {reasons[0]}"


def _sampled(
    node: ResolvedNode, route: Route, state: TopicState, bus: ProtocolEventBus, catalogue: ProtocolSchemaCatalogue
) -> tuple[int, list[str]]:
    """Return the number of records, and the reasons for those that the node would refuse."""
    event_bus = node.contract.event_bus
    codecs = TopicCodecs(event_bus, [each.model for each in route.variants or (route,)], route.topic, catalogue)
    ends = bus.admin.ends(all_partitions([state])[:_MOST_PARTITIONS])
    starts = {partition: max(first, end - _LATEST) for partition, (first, end) in ends.items()}
    count, reasons = 0, list[str]()
    reader = bus.read(starts)
    try:
        for record in reader.until_end():
            count += 1
            try:
                _require_taken(record, codecs, event_bus.topics[route.topic], node)
            except MessageError as error:
                reasons.append(str(error))
    finally:
        reader.close()
    return count, reasons


def _require_taken(record: ProtocolRecord, codecs: TopicCodecs, bound: ModelBoundTopic, node: ResolvedNode) -> None:
    """Raise MessageError for a record that becomes a dead letter before any handler sees it."""
    if record.value() is None and bound.tombstones == "ignore":
        return
    try:
        codec = codecs.of(headers_of(record), record.value())
    except UnlistedTypeError:
        if bound.other_types == "ignore":
            return
        raise
    message, original = codec.decode(record.value()), record.key()
    if bound.key is None:
        key = original
    else:
        key = key_in(bound.key, message)
        require_key(message, key, original)
    if not key and node.contract.node_type.is_stateful:
        raise RejectedError("the record has no key, and state is stored by key; name its field in event_bus.topics")
    if bound.key is None and key and (declared := message.partition_key()) and declared != key:
        model = codec.model
        raise RejectedError(
            f"the record has another key than {model.__name__}.{model.key_field}; write key: {model.key_field}"
        )
