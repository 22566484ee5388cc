"""What travels beside a message: read once per input, written for each output."""

from collections.abc import Callable, Mapping
from datetime import datetime

from onex.bus import headers as h
from onex.bus.protocols import ProtocolRecord
from onex.node import Context

_NOTHING: Mapping[str, bytes] = {}


class Envelope:
    """Headers of an input as the engine needs them. All bytes; decoded only for a Context.

    What every output carries on is looked up at once, the rest when somebody asks for it.
    """

    __slots__ = ("_found", "correlation", "deadline", "id", "key", "reply_key", "trace_parent", "trace_state", "type")

    def __init__(self, record: ProtocolRecord) -> None:
        pairs = record.headers()
        self._found = found = dict(pairs) if pairs else _NOTHING
        get = found.get
        self.key = record.key()
        self.id = get(h.ID) or f"{record.topic()}-{record.partition()}-{record.offset()}".encode()
        self.correlation = get(h.CORRELATION) or self.id
        self.type = get(h.TYPE)
        self.reply_key = get(h.REPLY_KEY)
        self.trace_parent = get(h.TRACE_PARENT)
        self.trace_state = get(h.TRACE_STATE)
        self.deadline = get(h.DEADLINE)

    @property
    def deadline_ms(self) -> int:
        """Milliseconds since 1970 after which nobody waits for the answer; 0 for what has no deadline, or none that
        can be read."""
        return int(self.deadline) if self.deadline is not None and self.deadline.isdigit() else 0

    def header(self, name: str) -> bytes:
        """A header of the record; empty where it has none."""
        return self._found.get(name, b"")

    @property
    def causation(self) -> bytes | None:
        """Id of the message that caused this one."""
        return self._found.get(h.CAUSATION)

    @property
    def answers(self) -> bytes | None:
        """Id of the message that this one answers."""
        return self._found.get(h.ANSWER_TO) or self.causation

    @property
    def idempotency_key(self) -> bytes:
        """The same for every attempt at the same piece of work."""
        return self._found.get(h.IDEMPOTENCY_KEY) or self.id

    def context(self, now: datetime, attempt: int = 1) -> Context:
        """What the handler gets to see."""
        return MessageContext(now, self, attempt)


class MessageContext(Context):
    """A context that decodes what its handler looks at, and nothing else: most look at one field or none."""

    __slots__ = ("_envelope",)
    _envelope: Envelope

    def __init__(self, now: datetime, envelope: Envelope, attempt: int, transition_to: str = "") -> None:
        # The slots themselves, because the class is frozen; half as dear as object.__setattr__.
        _put_now(self, now)
        _put_envelope(self, envelope)
        _put_attempt(self, attempt)
        _put_transition(self, transition_to)

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
        return (self._envelope.reply_key or b"").decode()

    @property
    def answers_id(self) -> str:
        return (self._envelope.answers or b"").decode()

    @property
    def deadline_ms(self) -> int:
        return self._envelope.deadline_ms

    def leading_to(self, state: str) -> "MessageContext":
        return MessageContext(self.now, self._envelope, self.attempt, state)


def _setter(owner: type, slot: str) -> Callable[[object, object], None]:
    put: Callable[[object, object], None] = owner.__dict__[slot].__set__
    return put


_put_now, _put_attempt = _setter(Context, "now"), _setter(Context, "attempt")
_put_transition, _put_envelope = _setter(Context, "transition_to"), _setter(MessageContext, "_envelope")


class TimerEnvelope(Envelope):
    """The envelope of the message that set a timer, carried on when the timer fires."""

    __slots__ = ()

    def __init__(self, key: bytes, name: str, due_ms: int, kept: Mapping[str, str]) -> None:
        self.key = key
        self.id = b"%b/%b/%d" % (key, name.encode(), due_ms)
        self.correlation = kept["correlation"].encode()
        self.type = None
        self.reply_key = kept.get("reply_key", "").encode() or None
        self.trace_parent = kept.get("trace_parent", "").encode() or None
        self.trace_state = self.deadline = None
        self._found = _NOTHING


class KnownEnvelope(Envelope):
    """Of a message that is not at hand any more: only who it was."""

    __slots__ = ()

    def __init__(self, identity: str, correlation: str) -> None:
        self.key = self.type = self.reply_key = self.trace_parent = self.trace_state = self.deadline = None
        self._found = _NOTHING
        self.id = identity.encode()
        self.correlation = correlation.encode()


def kept_for_timers(envelope: Envelope) -> dict[str, str]:
    """The part of an envelope that a timer keeps until it fires."""
    kept = {"correlation": envelope.correlation.decode()}
    if envelope.reply_key:
        kept["reply_key"] = envelope.reply_key.decode()
    if envelope.trace_parent:
        kept["trace_parent"] = envelope.trace_parent.decode()
    return kept
