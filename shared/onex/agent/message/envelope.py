"""The envelope of a message: read once per input, written for each output."""

from collections.abc import Callable, Mapping
from datetime import datetime
from operator import attrgetter, methodcaller

from typing_extensions import override

from onex.agent.message.unreadable_headers import UnreadableHeaders
from onex.bus.protocols import Headers, ProtocolRecord
from onex.errors import PoisonError
from onex.model.message import Message
from onex.model.topic import is_retry_topic
from onex.node import Context
from onex.node.idempotent_result import digest_of
from onex.wire import headers as h
from onex.wire.envelope_rules import are_clean, is_deadline, is_trace_parent, is_trace_state
from onex.wire.ids import MADE_UP, clean_id, made_up_id, message_id, readable

_NOTHING: Mapping[str, bytes] = {}
_ID, _CORRELATION, _TYPE, _DEADLINE = h.ID, h.CORRELATION, h.TYPE, h.DEADLINE
_REPLY_KEY, _TRACE_PARENT, _TRACE_STATE = h.REPLY_KEY, h.TRACE_PARENT, h.TRACE_STATE


class Envelope:
    """Headers of an input as the engine needs them. All values are bytes, decoded only for a Context.

    The constructor looks up the headers that every output needs, and does not check them. :func:`read_envelopes`
    makes envelopes and cleans them by the rules of :mod:`onex.wire.envelope_rules`. Other headers are looked up on
    demand.
    """

    __slots__ = (
        "_headers",
        "correlation",
        "deadline",
        "id",
        "key",
        "record",
        "reply_key",
        "trace_parent",
        "trace_state",
        "type",
    )

    def __init__(self, record: ProtocolRecord, pairs: Headers | None) -> None:
        """``pairs``: the headers of the record."""
        self._headers = headers = dict(pairs) if pairs else _NOTHING
        get = headers.get
        self.record: ProtocolRecord | None = record
        self.key = record.key()
        self.id = get(_ID) or made_up_id(record)
        self.correlation = get(_CORRELATION) or self.id
        self.type = get(_TYPE)
        self.reply_key = get(_REPLY_KEY)
        self.trace_parent = get(_TRACE_PARENT)
        self.trace_state = get(_TRACE_STATE)
        self.deadline = get(_DEADLINE)

    def clean(self, record: ProtocolRecord) -> None:
        """Replace ids that are no text or that only an engine makes up. Drop invalid trace context and deadlines."""
        get = self._headers.get
        self.id = message_id(record, get(_ID))
        self.correlation = clean_id(get(_CORRELATION)) or self.id
        if self.trace_parent is None or not is_trace_parent(self.trace_parent):
            self.trace_parent = self.trace_state = None
        elif not is_trace_state(self.trace_state):
            self.trace_state = None
        if self.deadline is not None and not is_deadline(self.deadline):
            self.deadline = None

    @property
    def deadline_ms(self) -> int:
        """Milliseconds since 1970 after which no caller waits for the reply; 0 without a readable deadline."""
        return 0 if self.deadline is None else int(self.deadline)

    @property
    def from_step(self) -> bytes:
        """Step at which an operator has a workflow run begin again. Only the node's retry topic has it."""
        step = self._headers.get(h.FROM_STEP)
        is_engines = step and self.record is not None and is_retry_topic(self.record.topic())
        return step if step and is_engines else b""

    def header(self, name: str) -> bytes:
        """Return a header of the record; empty when it has none, and for the engine's own headers."""
        return b"" if name in h.ENGINE else self._headers.get(name) or b""

    @property
    def causation(self) -> bytes | None:
        """Id of the message that caused this one."""
        return clean_id(self._headers.get(h.CAUSATION))

    @property
    def answers(self) -> bytes | None:
        """Id of the message that this one answers."""
        return clean_id(self._headers.get(h.ANSWER_TO)) or self.causation

    @property
    def idempotency_key(self) -> bytes:
        """The same for every attempt at the same piece of work."""
        key = clean_id(self._headers.get(h.IDEMPOTENCY_KEY))
        return self.id if key is None or key.startswith(MADE_UP) else key

    def context(self, now: datetime, attempt: int = 1, message: Message | None = None) -> Context:
        """Return the context for the handler. With ``message`` it has a digest."""
        return MessageContext(now, self, attempt, message=message)


_CHECKED = [attrgetter(name) for name in ("id", "correlation", "trace_parent", "trace_state", "deadline")]
_headers_of = methodcaller("headers")
"""Headers of a record. CPython checks what this returns. It does not check ``record.headers()`` when that line is
hot: then the error of confluent-kafka is lost, and its list with a null pointer in it ends the interpreter."""


def read_envelopes(records: list[ProtocolRecord]) -> tuple[list[Envelope], bool]:
    """Return the cleaned envelopes of records, and whether the headers of all could be read.

    A record whose headers cannot be read is replaced in ``records`` by :class:`UnreadableHeaders`, because its
    headers must not be read again: see there. The checks run over all envelopes together, outside of the
    interpreter's loop, because nearly all envelopes are clean.
    """
    envelopes: list[Envelope] = []
    readable = True
    while (at := len(envelopes)) < len(records):
        try:
            unread = records[at:] if at else records
            envelopes.extend(map(Envelope, unread, map(_headers_of, unread)))
        except Exception as error:  # noqa: BLE001 - whatever a client raises here is about this record
            readable, at = False, len(envelopes)  # what was read before it is in the list
            records[at] = _without_headers(records[at], error)
    if envelopes and not are_clean(*[[*map(column, envelopes)] for column in _CHECKED]):
        for at, record in enumerate(records):
            try:
                envelopes[at].clean(record)
            except Exception as error:  # noqa: BLE001 - a client may return any object as a header
                readable, records[at] = False, (unreadable := _without_headers(record, error))
                envelopes[at] = Envelope(unreadable, None)
    return envelopes, readable


def _without_headers(record: ProtocolRecord, error: Exception) -> UnreadableHeaders:
    if isinstance(error, MemoryError | PoisonError):
        return UnreadableHeaders(record, error)
    return UnreadableHeaders(record, PoisonError(f"its headers cannot be read: {type(error).__name__}"))


def with_headers(record: ProtocolRecord) -> ProtocolRecord:
    """Return the record, or its :class:`UnreadableHeaders` when its headers cannot be read. Raise MemoryError."""
    records = [record]
    read_envelopes(records)
    (read,) = records
    if read is not record and isinstance(read, UnreadableHeaders) and isinstance(read.reason, MemoryError):
        raise read.reason
    return read


def read_envelope(record: ProtocolRecord) -> Envelope:
    """Return the envelope of one record, whose headers can be read."""
    (envelope,), _ = read_envelopes([record])
    return envelope


class MessageContext(Context):
    """A context that decodes a field when the handler reads it. Most handlers read one field or none."""

    __slots__ = ("_envelope", "_message")
    _envelope: Envelope
    _message: Message | None

    def __init__(
        self,
        now: datetime,
        envelope: Envelope,
        attempt: int,
        transition_to: str = "",
        message: Message | None = None,
    ) -> None:
        # Through the slots, because the class is frozen; this takes half the time of object.__setattr__.
        _put_now(self, now)
        _put_envelope(self, envelope)
        _put_attempt(self, attempt)
        _put_transition(self, transition_to)
        _put_message(self, message)

    @property
    @override
    def key(self) -> str:
        return (self._envelope.key or b"").decode(errors="replace")

    @property
    @override
    def message_id(self) -> str:
        return self._envelope.id.decode()

    @property
    @override
    def correlation_id(self) -> str:
        return self._envelope.correlation.decode()

    @property
    @override
    def causation_id(self) -> str:
        return (self._envelope.causation or b"").decode()

    @property
    @override
    def idempotency_key(self) -> str:
        return self._envelope.idempotency_key.decode()

    @property
    @override
    def reply_key(self) -> str:
        return (self._envelope.reply_key or b"").decode(errors="replace")

    @property
    @override
    def answers_id(self) -> str:
        return (self._envelope.answers or b"").decode()

    @property
    @override
    def deadline_ms(self) -> int:
        return self._envelope.deadline_ms

    @property
    @override
    def from_step(self) -> str:
        return self._envelope.from_step.decode(errors="replace")

    @property
    @override
    def digest(self) -> str:
        return "" if self._message is None else digest_of(self._message)

    @override
    def leading_to(self, state: str) -> "MessageContext":
        return MessageContext(self.now, self._envelope, self.attempt, state, self._message)


def _setter(owner: type, slot: str) -> Callable[[object, object], None]:
    put: Callable[[object, object], None] = owner.__dict__[slot].__set__
    return put


_put_now, _put_attempt = _setter(Context, "now"), _setter(Context, "attempt")
_put_transition, _put_envelope = _setter(Context, "transition_to"), _setter(MessageContext, "_envelope")
_put_message = _setter(MessageContext, "_message")


class TimerEnvelope(Envelope):
    """The envelope of a fired timer, which continues that of the message that set the timer."""

    __slots__ = ()

    def __init__(self, key: bytes, name: str, due_ms: int, stored: Mapping[str, str]) -> None:
        """``stored``: the result of :func:`stored_for_timers` for that message."""
        self.record = None
        self.key = key
        self.id = b"%b/%b/%d" % (readable(key), name.encode(), due_ms)
        self.correlation = stored.get("correlation", "").encode() or self.id
        self.type = None
        self.reply_key = (
            bytes.fromhex(stored.get("reply_key_hex", "")) or stored.get("reply_key", "").encode() or None
        )
        parent = stored.get("trace_parent", "").encode()
        self.trace_parent = parent if is_trace_parent(parent) else None
        self.trace_state = self.deadline = None
        self._headers = _NOTHING


class CauseEnvelope(Envelope):
    """The envelope of a message that is the cause of another, and of which only the ids are stored."""

    __slots__ = ()

    def __init__(self, identity: str, correlation: str) -> None:
        self.record = self.key = self.type = self.reply_key = None
        self.trace_parent = self.trace_state = self.deadline = None
        self._headers = _NOTHING
        self.id = identity.encode()
        self.correlation = correlation.encode()


def stored_for_timers(envelope: Envelope) -> dict[str, str]:
    """Return the part of an envelope that a timer stores until it fires. A reply key is a record key: any bytes."""
    stored = {"correlation": envelope.correlation.decode()}
    if reply_key := envelope.reply_key:
        try:
            stored["reply_key"] = reply_key.decode()
        except UnicodeDecodeError:
            stored["reply_key_hex"] = reply_key.hex()
    if envelope.trace_parent:
        stored["trace_parent"] = envelope.trace_parent.decode()
    return stored
