"""The record of the current message, with its first place on an input topic."""

from typing_extensions import override

from onex.agent.message.current import current_envelope
from onex.bus.protocols import ProtocolRecord
from onex.capability.current_record import ProtocolCurrentRecord, RecordFacts
from onex.wire import headers as h
from onex.wire.retry import Moved, parse

_BROKER_TIME = 2
"""Type of a timestamp that a broker has set (LogAppendTime)."""


class CurrentRecord(ProtocolCurrentRecord):
    """Reads the record of the current envelope. Only the node writes to its retry topic: those headers are true."""

    def __init__(self, retry_topic: str) -> None:
        self._retry_topic = retry_topic

    @override
    def facts(self) -> RecordFacts | None:
        envelope = current_envelope()
        if envelope is None or (record := envelope.record) is None:
            return None
        if record.topic() == self._retry_topic:
            return _moved(record, envelope.id)
        kind, time_ms = record.timestamp()
        return RecordFacts(
            record.topic(),
            record.partition(),
            record.offset(),
            record.key(),
            record.value(),
            envelope.id,
            time_ms if kind == _BROKER_TIME else 0,
            is_repeated=False,
        )


def _moved(record: ProtocolRecord, message_id: bytes) -> RecordFacts:
    """Return a record of the retry topic. It arrived when the node moved it there, shortly after it was read."""
    headers = dict(record.headers() or ())
    match parse(record):
        case Moved(attempts):
            is_repeated = attempts.count > 0 or h.PARENT in headers
        case _:
            is_repeated = True
    return RecordFacts(
        (headers.get(h.ORIGINAL_TOPIC) or b"").decode(errors="replace"),
        h.number_in(headers.get(h.ORIGINAL_PARTITION), record.partition()),
        h.number_in(headers.get(h.ORIGINAL_OFFSET), record.offset()),
        record.key(),
        record.value(),
        message_id,
        record.timestamp()[1],
        is_repeated,
    )
