"""The same facts in the headers of Kafka Connect (KIP-298) and of Spring Kafka, for tools that know those."""

from onex.model.outgoing import Headers

CONNECT = "__connect.errors."
SPRING = "kafka_dlt-"
_STACK_LIMIT = 1000


def dialects(facts: dict[str, bytes]) -> Headers:
    """Headers from the facts of a dead letter, by name without prefix. Connect writes text, Spring binary numbers."""
    topic, partition, offset = facts["topic"], _signed(facts["partition"], 4), _signed(facts["offset"], 8)
    stack = facts["stack"][-_STACK_LIMIT:]
    return [
        (CONNECT + "topic", topic),
        (CONNECT + "partition", facts["partition"]),
        (CONNECT + "offset", facts["offset"]),
        (CONNECT + "connector.name", facts["node"]),
        (CONNECT + "task.id", b"0"),
        (CONNECT + "stage", facts["stage"].upper()),
        (CONNECT + "class.name", facts["node"]),
        (CONNECT + "exception.class.name", facts["exception"]),
        (CONNECT + "exception.message", facts["message"]),
        (CONNECT + "exception.stacktrace", stack),
        (SPRING + "original-topic", topic),
        (SPRING + "original-partition", partition),
        (SPRING + "original-offset", offset),
        (SPRING + "original-timestamp", _signed(facts["timestamp"], 8)),
        (SPRING + "original-timestamp-type", b"CreateTime"),
        (SPRING + "original-consumer-group", facts["group"]),
        (SPRING + "exception-fqcn", facts["exception"]),
        (SPRING + "exception-message", facts["message"]),
        (SPRING + "exception-stacktrace", stack),
    ]


def _signed(number: bytes, size: int) -> bytes:
    """A decimal number as a signed integer of ``size`` bytes, big-endian; -1 where it does not fit."""
    found = int(number)
    fits = -(1 << 8 * size - 1) <= found < 1 << 8 * size - 1
    return (found if fits else -1).to_bytes(size, "big", signed=True)
