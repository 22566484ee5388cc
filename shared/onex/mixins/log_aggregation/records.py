"""Log lines as records of OTLP, and bodies of requests.

The SDK's interface for logs is not stable yet, and its exporter retries on a thread without a limit at stop.
"""

from collections.abc import Sequence
from threading import Lock
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import SpanContext, format_span_id, format_trace_id, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from onex.capability import NodeIdentity, ProtocolCurrentMessage
from onex.capability.log_lines import Line
from onex.mixins.log_aggregation.values import Room, ValueEncoder, attributes, literal
from onex.mixins.tracing.engine import open_span
from onex.util.clock import ProtocolClock
from onex.util.redaction import Redactor

_SEVERITIES: Final = {"debug": 5, "info": 9, "warning": 13, "error": 17, "critical": 21}
"""Severity numbers of OpenTelemetry."""
_OTHER_LEVEL = "info"
_OWN: Final = frozenset({"timestamp", "level", "event"})
_MAX_FACTS = 128
"""Most facts of one line: OpenTelemetry's limit."""
_FIXED_BYTES = 320
"""Bytes of a record without body and attributes: times, severity, ids, counts. Fewer are used."""
_LONGEST_IDENTITY = 256
"""Bytes."""
_NS_OF_MS = 1_000_000
_PROPAGATOR: Final = TraceContextTextMapPropagator()


def level_of(line: Line) -> str:
    """Return the level of a line in lower case. Unknown ones are ``info``."""
    level = str(line.get("level", _OTHER_LEVEL)).lower()
    return level if level in _SEVERITIES else _OTHER_LEVEL


def severity_of(level: str) -> int:
    """Return the severity number of a level in lower case."""
    return _SEVERITIES[level]


class LineEncoder:
    """Makes a record of a line. Any thread."""

    def __init__(
        self,
        redact: Redactor,
        most_bytes: int,
        identity: NodeIdentity,
        clock: ProtocolClock,
        current_message: ProtocolCurrentMessage,
    ) -> None:
        self._values = ValueEncoder(redact)
        self._most_bytes = most_bytes
        self._clock = clock
        self._current_message = current_message
        self._of_all = {"node": identity.name, "version": identity.version, "instance": identity.instance}
        """Facts that the resource of each request has."""
        self._lock = Lock()
        self._latest_ms = self._in_same_ms = 0

    def encode(self, line: Line, source: str) -> tuple[bytes, bool]:
        """Return the record, and whether values were cut or left out."""
        level, time_ns = level_of(line), self._time_ns()
        room = Room(self._most_bytes - _FIXED_BYTES)
        body = self._values.value(line.get("event", ""), room)
        facts = [(name, value) for name, value in line.items() if name not in _OWN and self._is_new(name, value)]
        parts = attributes(self._values, (("onex.source", source), *facts), room, _MAX_FACTS)
        left_out = len(facts) + 1 - len(parts)
        dropped = f',"droppedAttributesCount":{left_out}' if left_out else ""
        record = (
            f'{{"timeUnixNano":"{time_ns}","severityNumber":{severity_of(level)},"severityText":"{level.upper()}",'
            f'"body":{body},"attributes":[{",".join(parts)}]{dropped}{self._trace()}}}'
        )
        return record.encode(), room.is_cut or bool(left_out)

    def _is_new(self, name: str, value: object) -> bool:
        match value:
            case str():
                return value != self._of_all.get(name)
            case _:
                return True

    def _time_ns(self) -> int:
        """Return the nanoseconds since 1970. Lines of one millisecond stay in order."""
        with self._lock:
            now = self._clock.now_ms()
            self._in_same_ms = self._in_same_ms + 1 if now == self._latest_ms else 0
            self._latest_ms = now
            return now * _NS_OF_MS + min(self._in_same_ms, _NS_OF_MS - 1)

    def _trace(self) -> str:
        context = _current_trace(self._current_message.trace_parent)
        if not context.is_valid:
            return ""
        ids = f'"traceId":"{format_trace_id(context.trace_id)}","spanId":"{format_span_id(context.span_id)}"'
        return f',{ids},"flags":{int(context.trace_flags)}'


def _current_trace(trace_parent: str) -> SpanContext:
    """Return the innermost span: OpenTelemetry's current one, that of MixinTracing, or that of the message."""
    for span in (get_current_span(), open_span()):
        if span.get_span_context().is_valid:
            return span.get_span_context()
    return get_current_span(_PROPAGATOR.extract({"traceparent": trace_parent}, Context())).get_span_context()


class RequestBodies:
    """Bodies of requests: the resource, which is the node, and its records."""

    def __init__(self, identity: NodeIdentity) -> None:
        resource = {
            "service.name": identity.name,
            "service.version": identity.version,
            "service.instance.id": identity.instance,
        }
        pairs = ",".join(
            f'{{"key":"{name}","value":{{"stringValue":{literal(value, _LONGEST_IDENTITY)}}}}}'
            for name, value in resource.items()
        )
        self._head = (
            f'{{"resourceLogs":[{{"resource":{{"attributes":[{pairs}]}},'
            '"scopeLogs":[{"scope":{"name":"onex"},"logRecords":['
        ).encode()
        self._tail = b"]}]}]}"

    @property
    def overhead(self) -> int:
        """Bytes of a body without records. Each record adds its own bytes and a comma."""
        return len(self._head) + len(self._tail)

    def body(self, records: Sequence[bytes]) -> bytes:
        """Return the body of one request."""
        return self._head + b",".join(records) + self._tail
