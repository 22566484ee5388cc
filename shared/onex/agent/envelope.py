"""What travels beside a message: read once per input, written for each output."""

from collections.abc import Mapping

from onex.agent.clock import to_datetime
from onex.bus import headers as h
from onex.bus.protocols import ProtocolRecord
from onex.node import Context

_NOTHING: Mapping[str, bytes] = {}


class Envelope:
    """Headers of an input as the engine needs them. All bytes; decoded only for a Context.

    What every output carries on is looked up at once, the rest when somebody asks for it.
    """

    __slots__ = ("_found", "correlation", "id", "key", "reply_key", "trace_parent", "trace_state", "type")

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

    def context(self, now_ms: int, attempt: int = 1) -> Context:
        """What the handler gets to see."""
        return Context(
            to_datetime(now_ms),
            (self.key or b"").decode(errors="replace"),
            self.id.decode(),
            self.correlation.decode(),
            (self.causation or b"").decode(),
            self.idempotency_key.decode(),
            (self.reply_key or b"").decode(),
            attempt=attempt,
            answers_id=(self.answers or b"").decode(),
        )


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
        self.trace_state = None
        self._found = _NOTHING


class KnownEnvelope(Envelope):
    """Of a message that is not at hand any more: only who it was."""

    __slots__ = ()

    def __init__(self, identity: str, correlation: str) -> None:
        self.key = self.type = self.reply_key = self.trace_parent = self.trace_state = None
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
