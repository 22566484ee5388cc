"""Headers of a dead letter: the facts that the mesh writes, and how to read the original headers."""

from onex.model.outgoing import Headers
from onex.wire import headers as h
from onex.wire.dead_letter_dialects import CONNECT, SPRING

PREFIX = h.DEAD_LETTER
TOPIC = PREFIX + "topic"
PARTITION = PREFIX + "partition"
OFFSET = PREFIX + "offset"
TIMESTAMP = PREFIX + "timestamp"
GROUP = PREFIX + "group"
NODE = PREFIX + "node"
NODE_VERSION = PREFIX + "node-version"
CLASS = PREFIX + "class"
STAGE = PREFIX + "stage"
EXCEPTION = PREFIX + "exception"
MESSAGE = PREFIX + "message"
STACK = PREFIX + "stack"
FINGERPRINT = PREFIX + "fingerprint"
ATTEMPTS = PREFIX + "attempts"
FIRST_FAILED = PREFIX + "first-failed"
LAST_FAILED = PREFIX + "last-failed"
SCHEMA_ID = PREFIX + "schema-id"
MESSAGE_ID = PREFIX + "message-id"
REPLAYS = h.REPLAYS
PARENT = h.PARENT
EDITED_FROM = PREFIX + "edited-from"
TRUNCATED = PREFIX + "truncated"
"""Original size of the value in bytes. The letter holds only the beginning of the value."""


def original_headers(headers: Headers) -> Headers:
    """Return the headers of the original record, without those that a dead letter adds."""
    return [pair for pair in headers if not pair[0].startswith((PREFIX, CONNECT, SPRING))]
