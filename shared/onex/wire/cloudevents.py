"""The CloudEvents attributes of a message (binary mode of the Kafka protocol binding, version 1.0)."""

from onex.model.outgoing import Headers
from onex.model.topic import TopicName, is_foreign
from onex.wire import headers as h


def event_type(topic: str) -> str:
    """Return the CloudEvents type of a topic's messages. Retry topics, dead-letter topics and prefixes do not change
    it. That of a foreign topic is its name."""
    return topic if is_foreign(topic) else TopicName.parse(topic).message_type


def constant_headers(topic: str, node: str, version: str, content_type: bytes = h.AVRO) -> Headers:
    """Return the attributes that are the same for every record of an output of a node."""
    return [
        (h.SPEC_VERSION, b"1.0"),
        (h.TYPE, event_type(topic).encode()),
        (h.SOURCE, f"/onex/{node}/{version}".encode()),
        (h.CONTENT_TYPE, content_type),
    ]


def first_headers(
    topic: str, source: bytes, identity: str, correlation: str = "", content_type: bytes = h.AVRO
) -> Headers:
    """Return the headers of a message that no other message caused: a client's command, an agent's introspection."""
    return [
        (h.SPEC_VERSION, b"1.0"),
        (h.TYPE, event_type(topic).encode()),
        (h.SOURCE, source),
        (h.ID, identity.encode()),
        (h.CORRELATION, (correlation or identity).encode()),
        (h.CONTENT_TYPE, content_type),
    ]
