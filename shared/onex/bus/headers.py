"""Header names on the wire: CloudEvents 1.0 binary mode and the mesh's own."""

import time

SPEC_VERSION = "ce_specversion"
ID = "ce_id"
TYPE = "ce_type"
SOURCE = "ce_source"
TIME = "ce_time"
SUBJECT = "ce_subject"
CONTENT_TYPE = "content-type"

CORRELATION = "onex-correlation-id"
CAUSATION = "onex-causation-id"
ANSWER_TO = "onex-answer-to"
"""Id of the message that this one answers, where that is not the one that caused it: completions of workflows."""
REPLY_KEY = "onex-reply-key"
IDEMPOTENCY_KEY = "onex-idempotency-key"
DEADLINE = "onex-deadline"
"""Milliseconds since 1970 after which nobody waits for the answer. COMPUTE and EFFECT hand it on with theirs."""
ATTEMPT = "onex-attempt"
"""On the retry topic: how often the message was tried."""
RETRY_DUE = "onex-retry-due"
"""On the retry topic: milliseconds since 1970, before which the message is not tried again."""
FIRST_FAILED = "onex-first-failed"
"""On the retry topic: milliseconds since 1970."""
RETRY_OF = "onex-retry-of"
"""On the retry topic: the record is a note about the one at this offset of its partition."""
ORIGINAL_TOPIC = "onex-original-topic"
"""On the retry topic: the topic whose route takes the record."""
HOLD = "onex-hold"
"""On the retry topic: the record keeps the place of the dead message with this id; its key waits."""
RELEASE = "onex-release"
"""On the retry topic: nobody waits any longer for the dead message with this id."""
REPLAY_ID = "onex-replay-id"
"""On the retry topic: the same letter replayed for the nth time always has the same one."""
ORIGINAL_OFFSET = "onex-original-offset"
ORIGINAL_TIME = "onex-original-timestamp"
RETRY_HISTORY = frozenset({ATTEMPT, RETRY_DUE, FIRST_FAILED, RETRY_OF, ORIGINAL_OFFSET, ORIGINAL_TIME})
"""What the engine writes on the retry topic beside the original headers."""


def deadline_in(seconds: float) -> list[tuple[str, bytes]]:
    """The header of what nobody waits for any longer than so; none for 0."""
    return [(DEADLINE, str(round((time.time() + seconds) * 1000)).encode())] if seconds else []


TRACE_PARENT = "traceparent"
TRACE_STATE = "tracestate"

AVRO = b"application/avro"
JSON = b"application/json"
