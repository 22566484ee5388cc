"""Reads all messages that are in a topic now."""

from collections.abc import Iterator
from typing import TypeVar

from onex.bus.protocols import ProtocolEventBus
from onex.bus.topics import all_partitions, require_topic
from onex.errors import MessageError
from onex.model.message import Message
from onex.schema import Codec, ProtocolSchemaCatalogue
from onex.wire.skipped import SkippedRecords

M = TypeVar("M", bound=Message)


def whole_topic(
    bus: ProtocolEventBus,
    topic: str,
    model: type[M],
    catalogue: ProtocolSchemaCatalogue,
    skipped: SkippedRecords | None = None,
) -> Iterator[M]:
    """Yield the messages of a topic, oldest first per key. Records that are no messages are counted in ``skipped``.

    Raise MissingTopicError, BusError, and SchemaMismatchError when the topic's schema is not registered.
    """
    partitions = all_partitions([require_topic(bus.admin, topic)])
    codec = Codec.of_topic(model, topic, catalogue)
    skipped = skipped or SkippedRecords()
    reader = bus.read(dict.fromkeys(partitions, 0))
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
