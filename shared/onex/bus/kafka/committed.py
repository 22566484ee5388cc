"""Committed positions, as the client has them."""

from confluent_kafka import TopicPartition

from onex.bus.protocols import Position


def position_of(at: TopicPartition) -> Position:
    """Return a committed position.

    Of other writers, such as Kafka Streams, the client returns metadata together with what follows it in memory
    (librdkafka issue 4649). What is no text then is left out. Metadata that this client wrote ends where it should.
    """
    try:
        return Position(at.offset, at.metadata or "")
    except UnicodeDecodeError:
        return Position(at.offset, "")
