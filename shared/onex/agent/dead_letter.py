"""A dead letter: the original record byte for byte, and in headers all that is needed to judge and replay it."""

import traceback
from dataclasses import dataclass

from onex.agent.dead_letter_dialects import CONNECT, SPRING, dialects
from onex.agent.failure import Failure
from onex.bus import headers as h
from onex.bus.protocols import Emitted, Headers, ProtocolRecord
from onex.model.contract import ModelContract

PREFIX = "onex-dlq-"
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
REPLAYS = PREFIX + "replays"
PARENT = PREFIX + "parent"
EDITED_FROM = PREFIX + "edited-from"

_STACK_LIMIT = 4000
_MESSAGE_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class DeadLetterOffice:
    """Makes the dead letters of one node."""

    contract: ModelContract
    group: str

    def letter(self, record: ProtocolRecord, failure: Failure) -> Emitted:
        """The record to write to the dead-letter topic. Never raises: undecodable bytes are just bytes."""
        original = record.headers() or []
        found = dict(original)
        value = record.value()
        topic = found.get(h.ORIGINAL_TOPIC) or record.topic().encode()
        facts: dict[str, bytes | str | int] = {
            TOPIC: topic,
            PARTITION: record.partition(),
            OFFSET: found.get(h.ORIGINAL_OFFSET) or record.offset(),
            TIMESTAMP: found.get(h.ORIGINAL_TIME) or record.timestamp()[1],
            GROUP: self.group,
            NODE: self.contract.name,
            NODE_VERSION: str(self.contract.contract_version),
            CLASS: failure.kind,
            STAGE: failure.stage,
            EXCEPTION: f"{type(failure.error).__module__}.{type(failure.error).__qualname__}",
            MESSAGE: str(failure.error)[:_MESSAGE_LIMIT],
            STACK: "".join(traceback.format_exception(failure.error))[-_STACK_LIMIT:],
            FINGERPRINT: failure.fingerprint,
            ATTEMPTS: failure.attempts,
            FIRST_FAILED: failure.first_failed_ms,
            LAST_FAILED: failure.last_failed_ms,
            MESSAGE_ID: found.get(h.ID) or f"{record.topic()}-{record.partition()}-{record.offset()}",
            REPLAYS: found.get(REPLAYS, b"0"),
        }
        if PARENT in found:
            facts[PARENT] = found[PARENT]
        if value is not None and len(value) >= 5 and value[0] == 0:
            facts[SCHEMA_ID] = int.from_bytes(value[1:5], "big")
        mine: Headers = [(name, _bytes(fact)) for name, fact in facts.items()]
        kept = [pair for pair in original_headers(original) if pair[0] not in h.RETRY_HISTORY]
        return (
            self.contract.dead_letter_topic,
            value,
            record.key(),
            kept + mine + dialects({name.removeprefix(PREFIX): raw for name, raw in mine}),
        )


def original_headers(headers: Headers) -> Headers:
    """Headers of the record as it was, without what a dead letter adds."""
    return [pair for pair in headers if not pair[0].startswith((PREFIX, CONNECT, SPRING))]


def _bytes(fact: bytes | str | int) -> bytes:
    return fact if isinstance(fact, bytes) else str(fact).encode()
