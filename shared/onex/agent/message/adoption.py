"""Records of other writers: which key, id and correlation id they have in the mesh."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from typing_extensions import override

from onex.agent.message.envelope import Envelope
from onex.bus.protocols import Headers, ProtocolRecord
from onex.errors import RejectedError
from onex.model.contract import ModelEventBus
from onex.model.message import Message
from onex.model.topic import is_foreign
from onex.wire import headers as h
from onex.wire.ids import clean_id
from onex.wire.message_key import key_in, require_key
from onex.wire.wrapped_record import WrappedRecord


@dataclass(frozen=True, slots=True)
class Adoption:
    """How the envelope of a record is made that its writer did not make for the mesh."""

    key_of: Callable[[Message], bytes | None] | None
    """Returns the key of a message, whichever key its record has; None for topics whose records have it."""
    correlation_header: str
    """Header with the correlation id; empty for none."""
    correlation_field: str
    """Field with the correlation id; empty for none."""
    checks_type: bool
    """Whether a record with the ``ce_type`` of another topic is refused. Those on topics outside of the mesh may have
    any."""

    def adopt(self, record: ProtocolRecord, envelope: Envelope, message: Message) -> ProtocolRecord:
        """Complete the envelope of a record. Return the record as the engine carries it on. Raise RejectedError.

        The result has the same bytes and place. Its key and headers are those of the message, so that a retry, a
        forwarded record and a dead letter have them, too.
        """
        added: Headers = []
        if envelope.correlation is envelope.id and (correlation := self._correlation(envelope, message)) is not None:
            envelope.correlation = correlation
            added.append((h.CORRELATION, correlation))
        original = key = envelope.key
        if self.key_of is not None and (key := self.key_of(message)) != original:
            require_key(message, key, original)
            if original:
                added.append((h.RECORD_KEY, original))
        elif not added:
            return record
        adopted = AdoptedRecord(record, key, [*(record.headers() or []), *added])
        envelope.key, envelope.record = key, adopted
        return adopted

    def _correlation(self, envelope: Envelope, message: Message) -> bytes | None:
        """Return the correlation id that the record or its message has. A value that is no id counts as absent."""
        if self.correlation_header and (sent := clean_id(envelope.header(self.correlation_header))) is not None:
            return sent
        if not self.correlation_field:
            return None
        try:
            return clean_id(key_in(self.correlation_field, message))
        except RejectedError:
            return None


def adoption_of(event_bus: ModelEventBus, model: type[Message], topic: str) -> Adoption | None:
    """Return how records of an input topic are adopted; None for topics with records of the mesh."""
    bound = event_bus.topics.get(topic)
    if bound is None or bound.is_short:
        return None
    source = bound.correlation
    return Adoption(
        None if bound.key is None else partial(key_in, bound.key),
        (source and source.header) or "",
        (source and source.field) or "",
        checks_type=not is_foreign(topic) and (bound.type is None or bound.type.header != h.TYPE),
    )


@dataclass(frozen=True, slots=True)
class AdoptedRecord(WrappedRecord):
    """A record with the key and the headers that its message has in the mesh."""

    _key: bytes | None
    _headers: Headers

    @property
    def original_key(self) -> bytes | None:
        """Key of the record in its topic."""
        return self.record.key()

    @override
    def key(self) -> bytes | None:
        return self._key

    @override
    def headers(self) -> Headers | None:
        return self._headers


def has_another_key(record: ProtocolRecord) -> bool:
    """Return whether the record came to its partition by another key than that of its message."""
    match record:
        case AdoptedRecord():
            return record.original_key != record.key()
    return False
