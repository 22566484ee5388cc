"""Everything that is in a topic now."""

from collections.abc import Iterator
from typing import TypeVar

from onex.bus.protocols import Partition, ProtocolEventBus
from onex.bus.schema import Codec, ProtocolSchemaCatalogue
from onex.model.errors import MissingTopicError
from onex.model.message import Message

M = TypeVar("M", bound=Message)


def whole_topic(bus: ProtocolEventBus, topic: str, model: type[M], catalogue: ProtocolSchemaCatalogue) -> Iterator[M]:
    """Messages of a topic, oldest first per key. Raises MissingTopicError, BusError, MessageError."""
    state = bus.admin.topics([topic]).get(topic)
    if state is None:
        raise MissingTopicError(f"topic {topic} does not exist; run `onex apply`")
    codec = Codec.of_topic(model, topic, catalogue)
    reader = bus.read({Partition(topic, number): 0 for number in range(state.partitions)})
    try:
        for record in reader.until_end():
            message = codec.decode(record.value())
            assert isinstance(message, model)
            yield message
    finally:
        reader.close()
