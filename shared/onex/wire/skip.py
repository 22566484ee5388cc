"""The record on a retry topic that carries an operator's decision to give up a record: ``onex offsets skip``."""

import json
from dataclasses import asdict, dataclass

import structlog

from onex.model.outgoing import Headers
from onex.wire import headers as h
from onex.wire.record import Partition, ProtocolRecord

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Skip:
    """An operator's decision about one record."""

    group: str
    topic: str
    partition: int
    offset: int
    reason: str
    who: str

    @property
    def place(self) -> tuple[Partition, int]:
        """Partition and offset of the record that is skipped."""
        return Partition(self.topic, self.partition), self.offset

    def headers(self) -> Headers:
        """Return the headers of the record that carries the decision."""
        return [(h.SKIP, json.dumps(asdict(self)).encode())]


def is_skip(record: ProtocolRecord) -> bool:
    """Return whether a record of the retry topic carries a decision that can be read."""
    return skip_in(record) is not None


def skip_in(record: ProtocolRecord) -> Skip | None:
    """Return the decision in a record of the retry topic; None where there is none, or none that can be read.

    The headers of the record must be readable.
    """
    raw = dict(record.headers() or []).get(h.SKIP)
    if raw is None:
        return None
    try:
        match json.loads(raw):
            case {
                "group": str(group),
                "topic": str(topic),
                "partition": int(number),
                "offset": int(offset),
                "reason": str(reason),
                "who": str(who),
            }:
                return Skip(group, topic, number, offset, reason, who)
    except (ValueError, RecursionError) as error:
        log.warning("a decision cannot be read", topic=record.topic(), offset=record.offset(), reason=str(error))
    return None
