"""Spans of the client: one around each call, and one for each record that it receives.

The instrumentation of aiokafka adds the spans of sending.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from onex.bus.protocols import ProtocolRecord
from onex.wire import headers as h
from onex.wire.foreign_headers import headers_of

if TYPE_CHECKING:
    from opentelemetry.instrumentation.aiokafka import AIOKafkaInstrumentor
    from opentelemetry.sdk.trace import TracerProvider

_PROPAGATOR = TraceContextTextMapPropagator()


class ClientTracing:
    """Traces with the ``provider`` of the application; without one, with a provider that exports to ``endpoint``."""

    def __init__(self, endpoint: str, provider: trace.TracerProvider | None) -> None:
        self._own = _exporting_to(endpoint) if provider is None and endpoint else None
        self._provider = provider or self._own
        self._tracer = trace.get_tracer("onex.mesh", tracer_provider=self._provider)
        self._instrumentation = None if self._provider is None else _instrument(self._provider)

    @contextmanager
    def call(self, topic: str, command_id: str) -> Iterator[None]:
        """Run a command within a span. An exception marks the span as failed."""
        if self._provider is None:
            yield
            return
        attributes = {
            "messaging.system": "kafka",
            "messaging.destination.name": topic,
            "messaging.message.conversation_id": command_id,
        }
        with self._tracer.start_as_current_span(f"execute {topic}", kind=SpanKind.CLIENT, attributes=attributes):
            yield

    def received(self, record: ProtocolRecord | None) -> None:
        """Add a span for a completion or an event of a subscription, as a child of the span that sent it.

        A trace context that is not valid counts as absent (W3C Trace Context, section 3.2.2.3).
        """
        if self._provider is None or record is None:
            return
        span = self._tracer.start_span(
            f"receive {record.topic()}",
            _PROPAGATOR.extract(_text(headers_of(record))),
            SpanKind.CONSUMER,
            {
                "messaging.system": "kafka",
                "messaging.destination.name": record.topic(),
                "messaging.operation.type": "receive",
                "messaging.kafka.offset": record.offset(),
            },
        )
        span.end()

    def close(self) -> None:
        """Remove the instrumentation of this client, and export the remaining spans."""
        if self._instrumentation is not None:
            self._instrumentation.uninstrument()
        if self._own is not None:
            self._own.shutdown()


def _instrument(provider: trace.TracerProvider) -> "AIOKafkaInstrumentor | None":
    """Instrument aiokafka. Return None when the application has done so."""
    # Imported only when traces are made: it loads aiokafka, and the parsers of packaging.
    from opentelemetry.instrumentation.aiokafka import AIOKafkaInstrumentor

    instrumentation = AIOKafkaInstrumentor()
    if instrumentation.is_instrumented_by_opentelemetry:
        return None
    instrumentation.instrument(tracer_provider=provider)
    return instrumentation


def _exporting_to(endpoint: str) -> "TracerProvider":
    # Imported only when traces are exported: the SDK loads psutil, and the exporter an HTTP client.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": "onex-client"}))
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=500))
    return provider


def _text(headers: Mapping[str, bytes]) -> dict[str, str]:
    return {
        name: raw.decode(errors="replace")
        for name, raw in headers.items()
        if name in (h.TRACE_PARENT, h.TRACE_STATE) and raw
    }
