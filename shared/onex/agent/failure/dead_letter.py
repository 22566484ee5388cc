"""Makes dead letters: the original record byte for byte, with the reason and the origin in headers.

Making one cannot fail. Where the full form cannot be made, or is larger than the dead-letter topic takes, the letter
has the short form: see :mod:`onex.agent.failure.dead_letter_short`.
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
"""Characters of the traceback: its end, which names the place that raised."""
Fact = bytes | str | int


@dataclass(frozen=True, slots=True)
class DeadLetterBuilder:
    """Makes the dead letters of one node."""

    contract: ModelContract
    group: str
    limits: TopicLimits

    def letter(self, record: ProtocolRecord, failure: Failure) -> Emitted:
        """Return the record to write to the dead-letter topic. Raise nothing but MemoryError and a signal."""
        record = with_headers(record)
        origin = self._origin(record)
        try:
            letter = self._full(record, failure, origin)
            if self.limits.fill([letter]) <= 1.0:
                return letter
            log.warning("dead letter shortened", reason="too large", topic=record.topic(), offset=record.offset())
        except BaseException as broken:  # noqa: BLE001 - code of the exception's author runs here
            raise_if_interrupted(broken)
            log.warning("dead letter shortened", reason=text_of(broken), topic=record.topic(), offset=record.offset())
        topic = self.contract.dead_letter_topic
        return short_letter(topic, record, failure, origin, self.limits.limit_of(topic))

    def _origin(self, record: ProtocolRecord) -> dict[str, bytes]:
        """Return where the record came from, and its ids. No code of a node or a client runs here."""
        engine = self._engine_headers(record)
        facts: dict[str, Fact] = {
            d.TOPIC: engine.get(h.ORIGINAL_TOPIC) or record.topic(),
            d.PARTITION: h.number_in(engine.get(h.ORIGINAL_PARTITION), record.partition()),
            d.OFFSET: h.number_in(engine.get(h.ORIGINAL_OFFSET), record.offset()),
            d.TIMESTAMP: h.number_in(engine.get(h.ORIGINAL_TIME), record.timestamp()[1]),
            d.GROUP: self.group,
            d.NODE: self.contract.name,
            d.NODE_VERSION: str(self.contract.contract_version),
            d.MESSAGE_ID: read_envelope(record).id,
            d.REPLAYS: h.number_in(engine.get(d.REPLAYS), 0),
        }
        for name in (d.PARENT, h.FROM_STEP):
            if value := engine.get(name):
                facts[name] = value
        return _raw(facts)

    def _full(self, record: ProtocolRecord, failure: Failure, origin: Mapping[str, bytes]) -> Emitted:
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
        all_facts = {**origin, **_raw(facts)}
        headers = h.without_credentials(h.of_sender(d.original_headers(record.headers() or [])))
        headers += all_facts.items()
        headers += dialects({name.removeprefix(d.PREFIX): raw for name, raw in all_facts.items()})
        return self.contract.dead_letter_topic, value, record.key(), headers

    def _engine_headers(self, record: ProtocolRecord) -> Mapping[str, bytes]:
        """Return the headers of a record on the node's own retry topic. On other topics the sender wrote them."""
        return dict(record.headers() or []) if record.topic() == self.contract.retry_topic else {}


def _raw(facts: Mapping[str, Fact]) -> dict[str, bytes]:
    return {
        name: fact if isinstance(fact, bytes) else str(fact).encode(errors="backslashreplace")
        for name, fact in facts.items()
    }
