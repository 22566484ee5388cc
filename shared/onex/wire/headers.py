"""Header names on the wire: CloudEvents 1.0 binary mode and the mesh's own."""

import time
from collections.abc import Iterable

AUTHORIZATION = "authorization"
"""Proof of the sender's identity, for MixinAuthentication. Dead letters do not contain it."""
_CREDENTIALS = frozenset({AUTHORIZATION, "cookie", "proxy-authorization"})
_MOST_DIGITS = 18
"""Every number with this number of digits fits into 64 bits."""
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
"""Id of the command that this message replies to, where another message caused it: completion events of workflows."""
REPLY_KEY = "onex-reply-key"
IDEMPOTENCY_KEY = "onex-idempotency-key"
DEADLINE = "onex-deadline"
"""Milliseconds since 1970 after which no one waits for the reply. COMPUTE and EFFECT copy it to their outputs."""
ATTEMPT = "onex-attempt"
"""On the retry topic: number of attempts so far."""
RETRY_DUE = "onex-retry-due"
"""On the retry topic: milliseconds since 1970 before which the next attempt does not start."""
FIRST_FAILED = "onex-first-failed"
"""On the retry topic: time of the first failure, in milliseconds since 1970."""
RETRY_OF = "onex-retry-of"
"""On the retry topic: the record is a note about the record at this offset of the same partition."""
ORIGINAL_TOPIC = "onex-original-topic"
"""On the retry topic: the input topic that the record came from. Its route takes the record."""
HOLD = "onex-hold"
"""On the retry topic: the record is a placeholder for the dead letter with this message id. Its key waits."""
RELEASE = "onex-release"
"""On the retry topic: the placeholder of the dead letter with this message id ends."""
SKIP = "onex-skip"
"""On the retry topic: an operator's decision that a record which ends the process becomes a dead letter."""
REPLAY_ID = "onex-replay-id"
"""On the retry topic: id of a replay. The nth replay of a dead letter always has the same id."""
ORIGINAL_PARTITION = "onex-original-partition"
"""On the retry topic: partition of a record that was on the wrong partition for its key."""
ORIGINAL_OFFSET = "onex-original-offset"
ORIGINAL_TIME = "onex-original-timestamp"
DEAD_LETTER = "onex-dlq-"
"""Prefix of the headers of a dead letter. Its replays have ``REPLAYS``, ``PARENT`` and ``FROM_STEP``."""
REPLAYS = DEAD_LETTER + "replays"
"""On the retry topic: number of replays of the dead letter."""
PARENT = DEAD_LETTER + "parent"
"""On the retry topic: identity of the dead letter that is replayed."""
FROM_STEP = DEAD_LETTER + "from-step"
"""On the retry topic, and in a dead letter of such a record: step at which a workflow run begins again."""
RECORD_KEY = "onex-record-key"
"""Key of a record of a foreign topic, where the key of its message is another one. It is for people."""
RETRY_HISTORY = frozenset(
    {ATTEMPT, RETRY_DUE, FIRST_FAILED, RETRY_OF, ORIGINAL_PARTITION, ORIGINAL_OFFSET, ORIGINAL_TIME}
)
"""Headers that the engine adds to the original ones on the retry topic."""
ENGINE = RETRY_HISTORY | {ORIGINAL_TOPIC, HOLD, RELEASE, REPLAY_ID, REPLAYS, PARENT, SKIP, FROM_STEP}
"""All headers that the engine and the dead-letter commands write for the engine. The engine reads them only on the
node's retry topic. It ignores them on records of other topics, where the sender may have written them."""


def deadline_in(seconds: float) -> list[tuple[str, bytes]]:
    """Return the header of a deadline ``seconds`` from now; no header for 0."""
    return [(DEADLINE, str(round((time.time() + seconds) * 1000)).encode())] if seconds else []


def without_credentials(headers: Iterable[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Return the headers without credentials. For copies that are stored longer and that other people may read."""
    return [pair for pair in headers if not _is_credential(*pair)]


def _is_credential(name: str, value: bytes | None) -> bool:
    return name.lower() in _CREDENTIALS or (value or b"")[:7].lower() == b"bearer "


def of_sender(headers: Iterable[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Return the headers without those of the engine and of dead letters."""
    return [pair for pair in headers if pair[0] not in ENGINE and not pair[0].startswith(DEAD_LETTER)]


def number_in(text: bytes | None, otherwise: int) -> int:
    """Return the number in a header of the engine; ``otherwise`` if there is none. -1 is the offset of a timer."""
    if text is None or len(text) > _MOST_DIGITS or not text.removeprefix(b"-").isdigit():
        return otherwise
    return int(text)


TRACE_PARENT = "traceparent"
TRACE_STATE = "tracestate"

AVRO = b"application/avro"
JSON = b"application/json"
BYTES = b"application/octet-stream"
