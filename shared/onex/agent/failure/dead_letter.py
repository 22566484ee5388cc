"""A dead letter: the original record byte for byte, and in headers all that is needed to judge and replay it.

Writing one cannot fail. Where the full form cannot be made, or is larger than the dead-letter topic takes, the short
form is written: see :mod:`onex.agent.failure.dead_letter_short`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from onex.agent.failure.classify import Failure, raise_if_interrupted
from onex.agent.failure.dead_letter_dialects import CONNECT, SPRING, dialects
from onex.agent.failure.dead_letter_short import short_letter
from onex.agent.message.envelope import read_envelope, with_headers
from onex.agent.message.topic_limits import TopicLimits
from onex.bus.protocols import Emitted, Headers, ProtocolRecord
from onex.model.contract import ModelContract
from onex.model.error_text import text_of, traceback_text
from onex.wire import headers as h

log = structlog.get_logger(__name__)
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
"""Bytes that the value had; the letter holds only its beginning."""

_STACK_LIMIT = 4000
Fact = bytes | str | int


@dataclass(frozen=True, slots=True)
class DeadLetterBuilder:
    """Makes the dead letters of one node."""

    contract: ModelContract
    group: str
    limits: TopicLimits

    def letter(self, record: ProtocolRecord, failure: Failure) -> Emitted:
        """The record to write to the dead-letter topic. Raises nothing."""
        record = with_headers(record)
        whose = self._whose(record)
        try:
            letter = self._full(record, failure, whose)
            if self.limits.fill([letter]) <= 1.0:
                return letter
            log.warning("dead letter shortened", reason="too large", topic=record.topic(), offset=record.offset())
        except BaseException as broken:  # noqa: BLE001 - code of the exception's author runs here
            raise_if_interrupted(broken)
            log.warning("dead letter shortened", reason=text_of(broken), topic=record.topic(), offset=record.offset())
        topic = self.contract.dead_letter_topic
        return short_letter(topic, record, failure, whose, self.limits.limit_of(topic))

    def _whose(self, record: ProtocolRecord) -> dict[str, bytes]:
        """Where the record came from, and who it is. Nothing here runs code of anybody else."""
        found = self._of_engine(record)
        facts: dict[str, Fact] = {
            TOPIC: found.get(h.ORIGINAL_TOPIC) or record.topic(),
            PARTITION: h.number_in(found.get(h.ORIGINAL_PARTITION), record.partition()),
            OFFSET: h.number_in(found.get(h.ORIGINAL_OFFSET), record.offset()),
            TIMESTAMP: h.number_in(found.get(h.ORIGINAL_TIME), record.timestamp()[1]),
            GROUP: self.group,
            NODE: self.contract.name,
            NODE_VERSION: str(self.contract.contract_version),
            MESSAGE_ID: read_envelope(record).id,
            REPLAYS: h.number_in(found.get(REPLAYS), 0),
        }
        if parent := found.get(PARENT):
            facts[PARENT] = parent
        return _raw(facts)

    def _full(self, record: ProtocolRecord, failure: Failure, whose: Mapping[str, bytes]) -> Emitted:
        value = record.value()
        facts: dict[str, Fact] = {
            CLASS: failure.kind,
            STAGE: failure.stage,
            EXCEPTION: f"{type(failure.error).__module__}.{type(failure.error).__qualname__}",
            MESSAGE: text_of(failure.error),
            STACK: traceback_text(failure.error)[-_STACK_LIMIT:],
            FINGERPRINT: failure.fingerprint,
            ATTEMPTS: failure.attempts,
            FIRST_FAILED: failure.first_failed_ms,
            LAST_FAILED: failure.last_failed_ms,
        }
        if value is not None and len(value) >= 5 and value[0] == 0:
            facts[SCHEMA_ID] = int.from_bytes(value[1:5], "big")
        mine = {**whose, **_raw(facts)}
        headers = h.without_credentials(h.of_sender(original_headers(record.headers() or [])))
        headers += mine.items()
        headers += dialects({name.removeprefix(PREFIX): raw for name, raw in mine.items()})
        return self.contract.dead_letter_topic, value, record.key(), headers

    def _of_engine(self, record: ProtocolRecord) -> Mapping[str, bytes]:
        """What the engine wrote on its own retry topic. On other topics such headers are their sender's."""
        return dict(record.headers() or []) if record.topic() == self.contract.retry_topic else {}


def original_headers(headers: Headers) -> Headers:
    """Headers of the record as it was, without what a dead letter adds."""
    return [pair for pair in headers if not pair[0].startswith((PREFIX, CONNECT, SPRING))]


def _raw(facts: Mapping[str, Fact]) -> dict[str, bytes]:
    return {
        name: fact if isinstance(fact, bytes) else str(fact).encode(errors="backslashreplace")
        for name, fact in facts.items()
    }
