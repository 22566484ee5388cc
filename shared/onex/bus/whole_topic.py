"""Everything that is in a topic now."""

from collections.abc import Iterator
from typing import TypeVar

from onex.bus.protocols import Partition, ProtocolEventBus
from onex.bus.skipped import SkippedRecords
from onex.errors import MessageError, MissingTopicError
from onex.model.message import Message
from onex.schema import Codec, ProtocolSchemaCatalogue

M = TypeVar("M", bound=Message)


def whole_topic(
    bus: ProtocolEventBus,
    topic: str,
    model: type[M],
    catalogue: ProtocolSchemaCatalogue,
    skipped: SkippedRecords | None = None,
) -> Iterator[M]:
    """Messages of a topic, oldest first per key. Records that hold none are counted in ``skipped``.

    Raises MissingTopicError, BusError, and SchemaMismatchError when the topic's schema is not registered.
    """
    state = bus.admin.topics([topic]).get(topic)
    if state is None:
        raise MissingTopicError(f"topic {topic} does not exist; run `onex apply`")
    codec = Codec.of_topic(model, topic, catalogue)
    skipped = skipped or SkippedRecords()
    reader = bus.read({Partition(topic, number): 0 for number in range(state.partitions)})
    try:
        for record in reader.until_end():
            try:
                message = codec.decode(record.value())
            except MessageError as error:
                skipped.skip(record, error)
                continue
            assert isinstance(message, model)
            yield message
    finally:
        reader.close()
