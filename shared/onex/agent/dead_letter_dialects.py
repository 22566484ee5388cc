"""The same facts in the headers of Kafka Connect (KIP-298) and of Spring Kafka, for tools that know those."""

from onex.bus.protocols import Headers

CONNECT = "__connect.errors."
SPRING = "kafka_dlt-"
_STACK_LIMIT = 1000


def dialects(facts: dict[str, bytes]) -> Headers:
    """Headers from the facts of a dead letter, by name without prefix. Connect writes text, Spring binary numbers."""
    topic, partition, offset = facts["topic"], int(facts["partition"]), int(facts["offset"])
    stack = facts["stack"][-_STACK_LIMIT:]
    return [
        (CONNECT + "topic", topic),
        (CONNECT + "partition", b"%d" % partition),
        (CONNECT + "offset", b"%d" % offset),
        (CONNECT + "connector.name", facts["node"]),
        (CONNECT + "task.id", b"0"),
        (CONNECT + "stage", facts["stage"].upper()),
        (CONNECT + "class.name", facts["node"]),
        (CONNECT + "exception.class.name", facts["exception"]),
        (CONNECT + "exception.message", facts["message"]),
        (CONNECT + "exception.stacktrace", stack),
        (SPRING + "original-topic", topic),
        (SPRING + "original-partition", partition.to_bytes(4, "big", signed=True)),
        (SPRING + "original-offset", offset.to_bytes(8, "big", signed=True)),
        (SPRING + "original-timestamp", int(facts["timestamp"]).to_bytes(8, "big", signed=True)),
        (SPRING + "original-timestamp-type", b"CreateTime"),
        (SPRING + "original-consumer-group", facts["group"]),
        (SPRING + "exception-fqcn", facts["exception"]),
        (SPRING + "exception-message", facts["message"]),
        (SPRING + "exception-stacktrace", stack),
    ]
