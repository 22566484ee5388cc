"""Spans of a message in an agent, after OpenTelemetry's messaging conventions.

``receive`` (child of the sender's ``send``) > ``process`` > one ``send`` per output, and ``settle`` for the commit.
They are made only when traces are exported; otherwise outputs carry the trace context unchanged.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import structlog
from opentelemetry import trace
from opentelemetry.context import Context as TraceContext
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from onex.agent.message.envelope import Envelope
from onex.agent.telemetry.sampling import TraceSampling
from onex.bus.protocols import Emitted, ProtocolRecord
from onex.util.error_text import exception_facts, text_of
from onex.wire import headers as h

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

log = structlog.get_logger(__name__)
_PROPAGATOR = TraceContextTextMapPropagator()
_TRACE_HEADERS = (h.TRACE_PARENT, h.TRACE_STATE)


class Tracing:
    """Makes the spans of one agent process."""

    def __init__(
        self, node: str, version: str, group: str, instance: str, processor: "SpanProcessor", most: float = 0
    ) -> None:
        """``most``: the number of messages a second that are traced, see :class:`TraceSampling`."""
        # The SDK and its exporter make a start slower and take five MiB, and only traced agents need them.
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider

        resource = Resource.create(
            {"service.name": node, "service.version": version, "service.instance.id": instance}
        )
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("onex")
        self._group = group
        self._polled_ns = 0
        self._share = TraceSampling(most)

    @classmethod
    def to_collector(
        cls, node: str, version: str, group: str, instance: str, endpoint: str, most: float
    ) -> "Tracing":
        """Export by OTLP over HTTP to ``endpoint``, a base URL. Spans that cannot be sent are dropped and logged."""
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
        return cls(node, version, group, instance, BatchSpanProcessor(exporter, schedule_delay_millis=500), most)

    @property
    def provider(self) -> "TracerProvider":
        """The provider for spans of the node itself."""
        return self._provider

    def polled(self) -> None:
        """Note that a batch has arrived; the records received from now on belong to it."""
        self._polled_ns = self.now()
        self._share.polled(self._polled_ns)

    def now(self) -> int:
        """Return the nanoseconds since 1970."""
        return time.time_ns()

    def received(self, record: ProtocolRecord, envelope: Envelope) -> "MessageTrace | None":
        """Start the trace of a record that was decoded; its processing begins now.

        Return None for a message that its sender did not sample, and for one above the limit: it keeps its trace
        context, because spans that record nothing cost nearly as much as others.

        Raises nothing: a message matters more than its trace.
        """
        try:
            return self._received(record, envelope)
        except Exception as error:  # noqa: BLE001 - a message matters more than its trace
            log.warning("a message is not traced", error=text_of(error))
            return None

    def _received(self, record: ProtocolRecord, envelope: Envelope) -> "MessageTrace | None":
        if not self._share.takes(envelope):
            return None
        now_ns = self.now()
        attributes = self._attributes(record.topic(), envelope) | {
            "messaging.destination.partition.id": str(record.partition()),
            "messaging.kafka.offset": record.offset(),
            "messaging.consumer.group.name": self._group,
        }
        receive = self._tracer.start_span(
            f"receive {record.topic()}",
            _parent(envelope),
            SpanKind.CLIENT,
            attributes | {"messaging.operation.type": "receive"},
            start_time=self._polled_ns,
        )
        receive.end(now_ns)
        return self._processing(f"process {record.topic()}", attributes, receive, envelope, now_ns)

    def fired(self, name: str, envelope: Envelope) -> "MessageTrace | None":
        """Start the trace of a timer that fires, in the trace of the message that set it. None as in ``received``."""
        if not self._share.takes(envelope):
            return None
        attributes = {"messaging.system": "kafka", "onex.timer": name}
        span = self._tracer.start_span(f"process timer {name}", _parent(envelope), SpanKind.CONSUMER, attributes)
        return MessageTrace(self._tracer, span, envelope)

    def close(self) -> None:
        """Export the last spans."""
        self._provider.shutdown()

    def _processing(
        self, name: str, attributes: Mapping[str, str | int], receive: Span, envelope: Envelope, now_ns: int
    ) -> "MessageTrace":
        process = self._tracer.start_span(
            name,
            trace.set_span_in_context(receive, TraceContext()),
            SpanKind.CONSUMER,
            {**attributes, "messaging.operation.type": "process"},
            start_time=now_ns,
        )
        return MessageTrace(self._tracer, process, envelope)

    def _attributes(self, topic: str, envelope: Envelope) -> dict[str, str | int]:
        attributes: dict[str, str | int] = {
            "messaging.system": "kafka",
            "messaging.destination.name": topic,
            "messaging.message.id": envelope.id.decode(errors="replace"),
            "messaging.message.conversation_id": envelope.correlation.decode(errors="replace"),
        }
        if envelope.key:
            attributes["messaging.kafka.message.key"] = envelope.key.decode(errors="replace")
        return attributes


class MessageTrace:
    """The spans of one message. One thread takes the message and creates them; the one that commits finishes them."""

    __slots__ = ("_process", "_sends", "_tracer")

    def __init__(self, tracer: trace.Tracer, process: Span, envelope: Envelope) -> None:
        self._tracer = tracer
        self._process = process
        self._sends: list[Span] = []
        # Timers and log lines get the trace context of this message.
        envelope.trace_parent, envelope.trace_state = _carrier(process)

    def send(self, records: Iterable[Emitted]) -> list[Emitted]:
        """Start a span for each output, and return the outputs with its trace context."""
        return [self._sent(*record) for record in records]

    def _sent(
        self, topic: str, value: bytes | None, key: bytes | None, headers: Sequence[tuple[str, bytes]]
    ) -> Emitted:
        identity = next((value for name, value in headers if name == h.ID), b"")
        attributes = {
            "messaging.system": "kafka",
            "messaging.destination.name": topic,
            "messaging.operation.type": "send",
            "messaging.message.id": identity.decode(errors="replace"),
        }
        span = self._tracer.start_span(f"send {topic}", self._context(), SpanKind.PRODUCER, attributes)
        self._sends.append(span)
        parent, state = _carrier(span)
        carried = [pair for pair in headers if pair[0] not in _TRACE_HEADERS]
        carried += [(h.TRACE_PARENT, parent)] if parent else []
        carried += [(h.TRACE_STATE, state)] if state else []
        return topic, value, key, carried

    def event(self, name: str, **attributes: str | int | float) -> None:
        """Add an event to the process span: a retry, for example."""
        self._process.add_event(name, attributes)

    def dead_lettered(self, kind: str, stage: str, error: BaseException) -> None:
        """Note that the message became a dead letter."""
        try:
            self._process.add_event("exception", exception_facts(error))
        except Exception:  # noqa: BLE001 - the exception's author makes the text
            self._process.add_event("exception", {"exception.message": text_of(error)})
        self._process.add_event("dead letter", {"class": kind, "stage": stage})
        self._process.set_attribute("error.type", kind)
        self._process.set_status(Status(StatusCode.ERROR, text_of(error)))

    def processed(self) -> None:
        """End the process span: the outputs have been handed to the producer. A second call does nothing."""
        if self._process.is_recording():
            self._process.end()

    def finished(self, started_ns: int, ended_ns: int, *, committed: bool, batch: int, again: bool = False) -> None:
        """End the trace when its transaction has ended. Times are nanoseconds since 1970.

        ``batch``: number of messages in the transaction. ``again``: the next transaction has the same outputs.
        """
        settle = self._tracer.start_span(
            "settle",
            self._context(),
            SpanKind.CLIENT,
            {
                "messaging.system": "kafka",
                "messaging.operation.type": "settle",
                "messaging.batch.message_count": batch,
            },
            start_time=started_ns,
        )
        if not committed:
            for span in (settle, *([] if again else self._sends)):
                span.set_status(Status(StatusCode.ERROR, "transaction aborted"))
        settle.end(ended_ns)
        if again:
            return
        for span in self._sends:
            span.end(ended_ns)
        self._sends = []

    def _context(self) -> TraceContext:
        return trace.set_span_in_context(self._process, TraceContext())


def _parent(envelope: Envelope) -> TraceContext:
    """Return the remote span of the sender. An empty context starts a trace."""
    if not envelope.trace_parent:
        return TraceContext()
    carrier = {h.TRACE_PARENT: envelope.trace_parent.decode(errors="replace")}
    if envelope.trace_state:
        carrier[h.TRACE_STATE] = envelope.trace_state.decode(errors="replace")
    return _PROPAGATOR.extract(carrier, TraceContext())


def _carrier(span: Span) -> tuple[bytes | None, bytes | None]:
    """Return the values of ``traceparent`` and ``tracestate`` for a span."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, trace.set_span_in_context(span, TraceContext()))
    parent, state = carrier.get(h.TRACE_PARENT), carrier.get(h.TRACE_STATE)
    return (parent.encode() if parent else None), (state.encode() if state else None)
