"""A dead letter: the original record byte for byte, and in headers all that is needed to judge and replay it.

Writing one cannot fail. Where the full form cannot be made, or is larger than the dead-letter topic takes, the short
form is written: see :mod:`onex.agent.failure.dead_letter_short`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from onex.agent.failure.classify import Failure
from onex.agent.failure.dead_letter_short import short_letter
from onex.agent.message.envelope import read_envelope, with_headers
from onex.agent.topic_limits import TopicLimits
from onex.bus.protocols import Emitted, ProtocolRecord
from onex.model.contract import ModelContract
from onex.util.error_text import text_of, traceback_text
from onex.util.interrupts import raise_if_interrupted
from onex.wire import dead_letter as d
from onex.wire import headers as h
from onex.wire.dead_letter_dialects import dialects

log = structlog.get_logger(__name__)
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
            d.TOPIC: found.get(h.ORIGINAL_TOPIC) or record.topic(),
            d.PARTITION: h.number_in(found.get(h.ORIGINAL_PARTITION), record.partition()),
            d.OFFSET: h.number_in(found.get(h.ORIGINAL_OFFSET), record.offset()),
            d.TIMESTAMP: h.number_in(found.get(h.ORIGINAL_TIME), record.timestamp()[1]),
            d.GROUP: self.group,
            d.NODE: self.contract.name,
            d.NODE_VERSION: str(self.contract.contract_version),
            d.MESSAGE_ID: read_envelope(record).id,
            d.REPLAYS: h.number_in(found.get(d.REPLAYS), 0),
        }
        if parent := found.get(d.PARENT):
            facts[d.PARENT] = parent
        return _raw(facts)

    def _full(self, record: ProtocolRecord, failure: Failure, whose: Mapping[str, bytes]) -> Emitted:
        value = record.value()
        facts: dict[str, Fact] = {
            d.CLASS: failure.kind,
            d.STAGE: failure.stage,
            d.EXCEPTION: f"{type(failure.error).__module__}.{type(failure.error).__qualname__}",
            d.MESSAGE: text_of(failure.error),
            d.STACK: traceback_text(failure.error)[-_STACK_LIMIT:],
            d.FINGERPRINT: failure.fingerprint,
            d.ATTEMPTS: failure.attempts,
            d.FIRST_FAILED: failure.first_failed_ms,
            d.LAST_FAILED: failure.last_failed_ms,
        }
        if value is not None and len(value) >= 5 and value[0] == 0:
            facts[d.SCHEMA_ID] = int.from_bytes(value[1:5], "big")
        mine = {**whose, **_raw(facts)}
        headers = h.without_credentials(h.of_sender(d.original_headers(record.headers() or [])))
        headers += mine.items()
        headers += dialects({name.removeprefix(d.PREFIX): raw for name, raw in mine.items()})
        return self.contract.dead_letter_topic, value, record.key(), headers

    def _of_engine(self, record: ProtocolRecord) -> Mapping[str, bytes]:
        """What the engine wrote on its own retry topic. On other topics such headers are their sender's."""
        return dict(record.headers() or []) if record.topic() == self.contract.retry_topic else {}


def _raw(facts: Mapping[str, Fact]) -> dict[str, bytes]:
    return {
        name: fact if isinstance(fact, bytes) else str(fact).encode(errors="backslashreplace")
        for name, fact in facts.items()
    }
