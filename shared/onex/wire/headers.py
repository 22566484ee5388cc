"""Header names on the wire: CloudEvents 1.0 binary mode and the mesh's own."""

import time
from collections.abc import Iterable

AUTHORIZATION = "authorization"
"""Proof of who the sender is, for MixinAuthentication. Dead letters do not keep it."""
_CREDENTIALS = frozenset({AUTHORIZATION, "cookie", "proxy-authorization"})
_MOST_DIGITS = 18
"""Every number of so many digits fits 64 bits."""
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
SKIP = "onex-skip"
"""On the retry topic: an operator's decision that a record which ends the process becomes a dead letter."""
REPLAY_ID = "onex-replay-id"
"""On the retry topic: the same letter replayed for the nth time always has the same one."""
ORIGINAL_PARTITION = "onex-original-partition"
"""On the retry topic: where a record was that lay on the wrong partition for its key."""
ORIGINAL_OFFSET = "onex-original-offset"
ORIGINAL_TIME = "onex-original-timestamp"
DEAD_LETTER = "onex-dlq-"
"""Prefix of the facts in a dead letter. Two of them travel with its replays:"""
REPLAYS = DEAD_LETTER + "replays"
"""On the retry topic: how often the dead letter was replayed."""
PARENT = DEAD_LETTER + "parent"
"""On the retry topic: identity of the dead letter that is replayed."""
RETRY_HISTORY = frozenset(
    {ATTEMPT, RETRY_DUE, FIRST_FAILED, RETRY_OF, ORIGINAL_PARTITION, ORIGINAL_OFFSET, ORIGINAL_TIME}
)
"""What the engine writes on the retry topic beside the original headers."""
ENGINE = RETRY_HISTORY | {ORIGINAL_TOPIC, HOLD, RELEASE, REPLAY_ID, REPLAYS, PARENT, SKIP}
"""All headers that the engine and the dead-letter commands write for the engine. They count on a node's own retry
topic only. On records of any other topic they do not exist: the sender may have written them."""


def deadline_in(seconds: float) -> list[tuple[str, bytes]]:
    """The header of what nobody waits for any longer than so; none for 0."""
    return [(DEADLINE, str(round((time.time() + seconds) * 1000)).encode())] if seconds else []


def without_credentials(headers: Iterable[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Headers without those that prove who the sender is: for copies that others may read, and for longer."""
    return [pair for pair in headers if not _is_credential(*pair)]


def _is_credential(name: str, value: bytes | None) -> bool:
    return name.lower() in _CREDENTIALS or (value or b"")[:7].lower() == b"bearer "


def of_sender(headers: Iterable[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Headers without those of the engine."""
    return [pair for pair in headers if pair[0] not in ENGINE and not pair[0].startswith(DEAD_LETTER)]


def number_in(text: bytes | None, otherwise: int) -> int:
    """The number in a header of the engine; ``otherwise`` where it holds none. -1 is the offset of a timer."""
    if text is None or len(text) > _MOST_DIGITS or not text.removeprefix(b"-").isdigit():
        return otherwise
    return int(text)


TRACE_PARENT = "traceparent"
TRACE_STATE = "tracestate"

AVRO = b"application/avro"
JSON = b"application/json"
