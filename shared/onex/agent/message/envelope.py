"""What travels beside a message: read once per input, written for each output."""

from collections.abc import Callable, Mapping
from datetime import datetime
from operator import attrgetter, methodcaller

from onex.agent.message.unreadable_headers import UnreadableHeaders
from onex.bus.protocols import Headers, ProtocolRecord
from onex.errors import PoisonError
from onex.model.message import Message
from onex.node import Context
from onex.node.idempotent_result import digest_of
from onex.wire import headers as h
from onex.wire.envelope_rules import (
    MADE_UP,
    are_clean,
    clean_id,
    is_deadline,
    is_trace_parent,
    is_trace_state,
    made_up_id,
    message_id,
    readable,
)

_NOTHING: Mapping[str, bytes] = {}
_ID, _CORRELATION, _TYPE, _DEADLINE = h.ID, h.CORRELATION, h.TYPE, h.DEADLINE
_REPLY_KEY, _TRACE_PARENT, _TRACE_STATE = h.REPLY_KEY, h.TRACE_PARENT, h.TRACE_STATE


class Envelope:
    """Headers of an input as the engine needs them. All bytes; decoded only for a Context.

    The constructor looks up what every output carries on, and takes it as it is; :func:`read_envelopes` makes
    envelopes and cleans them by the rules of :mod:`onex.wire.envelope_rules`. Other headers are looked up
    on demand.
    """

    __slots__ = ("_found", "correlation", "deadline", "id", "key", "reply_key", "trace_parent", "trace_state", "type")

    def __init__(self, record: ProtocolRecord, pairs: Headers | None) -> None:
        """``pairs``: the record's headers."""
        self._found = found = dict(pairs) if pairs else _NOTHING
        get = found.get
        self.key = record.key()
        self.id = get(_ID) or made_up_id(record)
        self.correlation = get(_CORRELATION) or self.id
        self.type = get(_TYPE)
        self.reply_key = get(_REPLY_KEY)
        self.trace_parent = get(_TRACE_PARENT)
        self.trace_state = get(_TRACE_STATE)
        self.deadline = get(_DEADLINE)

    def clean(self, record: ProtocolRecord) -> None:
        """Replace ids that are not text, or that only an engine makes up, and drop invalid trace context and
        deadlines."""
        get = self._found.get
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
        """Milliseconds since 1970 after which nobody waits for the answer; 0 for what has no deadline, or none that
        can be read."""
        return 0 if self.deadline is None else int(self.deadline)

    def header(self, name: str) -> bytes:
        """A header of the record; empty where it has none, and for the engine's own."""
        return b"" if name in h.ENGINE else self._found.get(name) or b""

    @property
    def causation(self) -> bytes | None:
        """Id of the message that caused this one."""
        return clean_id(self._found.get(h.CAUSATION))

    @property
    def answers(self) -> bytes | None:
        """Id of the message that this one answers."""
        return clean_id(self._found.get(h.ANSWER_TO)) or self.causation

    @property
    def idempotency_key(self) -> bytes:
        """The same for every attempt at the same piece of work."""
        own = clean_id(self._found.get(h.IDEMPOTENCY_KEY))
        return self.id if own is None or own.startswith(MADE_UP) else own

    def context(self, now: datetime, attempt: int = 1, message: Message | None = None) -> Context:
        """What the handler gets to see; with ``message`` it knows the digest."""
        return MessageContext(now, self, attempt, message=message)


_CHECKED = [attrgetter(name) for name in ("id", "correlation", "trace_parent", "trace_state", "deadline")]
_headers_of = methodcaller("headers")
"""Headers of a record. CPython checks what this returns. It does not check ``record.headers()`` once that line is
hot: the error of confluent-kafka is lost then, and its list with a null pointer in it ends the interpreter."""


def read_envelopes(records: list[ProtocolRecord]) -> tuple[list[Envelope], bool]:
    """Envelopes of records, cleaned; and whether the headers of all could be read.

    A record whose headers cannot be read is replaced in ``records`` by :class:`UnreadableHeaders`, because it must
    not be asked again: see there. The checks run over all envelopes together, outside of the interpreter's loop:
    nearly all are fine.
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
            except Exception as error:  # noqa: BLE001 - a client may give anything as a header
                readable, records[at] = False, (unreadable := _without_headers(record, error))
                envelopes[at] = Envelope(unreadable, None)
    return envelopes, readable


def _without_headers(record: ProtocolRecord, error: Exception) -> UnreadableHeaders:
    if isinstance(error, MemoryError | PoisonError):
        return UnreadableHeaders(record, error)
    return UnreadableHeaders(record, PoisonError(f"its headers cannot be read: {type(error).__name__}"))


def with_headers(record: ProtocolRecord) -> ProtocolRecord:
    """Return the record, or its :class:`UnreadableHeaders` when its headers cannot be read. Raise MemoryError."""
    read = [record]
    read_envelopes(read)
    (one,) = read
    if one is not record and isinstance(one, UnreadableHeaders) and isinstance(one.reason, MemoryError):
        raise one.reason
    return one


def read_envelope(record: ProtocolRecord) -> Envelope:
    """The envelope of one record, whose headers can be read."""
    (envelope,), _ = read_envelopes([record])
    return envelope


class MessageContext(Context):
    """A context that decodes what its handler looks at, and nothing else: most look at one field or none."""

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
        # The slots themselves, because the class is frozen; half as dear as object.__setattr__.
        _put_now(self, now)
        _put_envelope(self, envelope)
        _put_attempt(self, attempt)
        _put_transition(self, transition_to)
        _put_message(self, message)

    @property
    def key(self) -> str:
        return (self._envelope.key or b"").decode(errors="replace")

    @property
    def message_id(self) -> str:
        return self._envelope.id.decode()

    @property
    def correlation_id(self) -> str:
        return self._envelope.correlation.decode()

    @property
    def causation_id(self) -> str:
        return (self._envelope.causation or b"").decode()

    @property
    def idempotency_key(self) -> str:
        return self._envelope.idempotency_key.decode()

    @property
    def reply_key(self) -> str:
        return (self._envelope.reply_key or b"").decode(errors="replace")

    @property
    def answers_id(self) -> str:
        return (self._envelope.answers or b"").decode()

    @property
    def deadline_ms(self) -> int:
        return self._envelope.deadline_ms

    @property
    def digest(self) -> str:
        return "" if self._message is None else digest_of(self._message)

    def leading_to(self, state: str) -> "MessageContext":
        return MessageContext(self.now, self._envelope, self.attempt, state, self._message)


def _setter(owner: type, slot: str) -> Callable[[object, object], None]:
    put: Callable[[object, object], None] = owner.__dict__[slot].__set__
    return put


_put_now, _put_attempt = _setter(Context, "now"), _setter(Context, "attempt")
_put_transition, _put_envelope = _setter(Context, "transition_to"), _setter(MessageContext, "_envelope")
_put_message = _setter(MessageContext, "_message")


class TimerEnvelope(Envelope):
    """The envelope of the message that set a timer, carried on when the timer fires."""

    __slots__ = ()

    def __init__(self, key: bytes, name: str, due_ms: int, kept: Mapping[str, str]) -> None:
        self.key = key
        self.id = b"%b/%b/%d" % (readable(key), name.encode(), due_ms)
        self.correlation = kept.get("correlation", "").encode() or self.id
        self.type = None
        self.reply_key = bytes.fromhex(kept.get("reply_key_hex", "")) or kept.get("reply_key", "").encode() or None
        parent = kept.get("trace_parent", "").encode()
        self.trace_parent = parent if is_trace_parent(parent) else None
        self.trace_state = self.deadline = None
        self._found = _NOTHING


class CauseEnvelope(Envelope):
    """Of a message that is not at hand any more: only who it was."""

    __slots__ = ()

    def __init__(self, identity: str, correlation: str) -> None:
        self.key = self.type = self.reply_key = self.trace_parent = self.trace_state = self.deadline = None
        self._found = _NOTHING
        self.id = identity.encode()
        self.correlation = correlation.encode()


def stored_for_timers(envelope: Envelope) -> dict[str, str]:
    """The part of an envelope that a timer keeps until it fires. A reply key is a record key: any bytes."""
    kept = {"correlation": envelope.correlation.decode()}
    if reply_key := envelope.reply_key:
        try:
            kept["reply_key"] = reply_key.decode()
        except UnicodeDecodeError:
            kept["reply_key_hex"] = reply_key.hex()
    if envelope.trace_parent:
        kept["trace_parent"] = envelope.trace_parent.decode()
    return kept
