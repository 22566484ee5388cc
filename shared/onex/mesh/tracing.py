"""Spans of the client: one around each call and one for each record it gets; aiokafka's instrumentation adds those
of sending."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from aiokafka import ConsumerRecord
from opentelemetry import trace
from opentelemetry.instrumentation.aiokafka import AIOKafkaInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from onex.wire import headers as h

_PROPAGATOR = TraceContextTextMapPropagator()


class ClientTracing:
    """``provider`` is the application's own, or one made here that exports to ``endpoint``."""

    def __init__(self, endpoint: str, provider: trace.TracerProvider | None) -> None:
        self._own: TracerProvider | None = None
        if provider is None and endpoint:
            self._own = TracerProvider(resource=Resource.create({"service.name": "onex-client"}))
            # As in the agent: only where traces are wanted.
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
            self._own.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=500))
        self._provider = provider or self._own
        self._tracer = trace.get_tracer("onex.mesh", tracer_provider=self._provider)
        self._instrumented = False
        if self._provider is not None and not AIOKafkaInstrumentor().is_instrumented_by_opentelemetry:
            AIOKafkaInstrumentor().instrument(tracer_provider=self._provider)
            self._instrumented = True

    @contextmanager
    def call(self, topic: str, command_id: str) -> Iterator[None]:
        """The span around a command and its completion; a failure marks it."""
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

    def received(self, record: ConsumerRecord[bytes, bytes] | None) -> None:
        """A completion that a call waited for, or an event of a subscription: a child of the span that sent it.

        A trace context that is not valid counts as absent, as W3C Trace Context (section 3.2.2.3) has it.
        """
        if self._provider is None or record is None:
            return
        span = self._tracer.start_span(
            f"receive {record.topic}",
            _PROPAGATOR.extract(_text(record.headers)),
            SpanKind.CONSUMER,
            {
                "messaging.system": "kafka",
                "messaging.destination.name": record.topic,
                "messaging.operation.type": "receive",
                "messaging.kafka.offset": record.offset,
            },
        )
        span.end()

    def close(self) -> None:
        """Undo the instrumentation made here, export what is left."""
        if self._instrumented:
            AIOKafkaInstrumentor().uninstrument()
        if self._own is not None:
            self._own.shutdown()


def _text(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, str]:
    return {
        name: raw.decode(errors="replace") for name, raw in headers if name in (h.TRACE_PARENT, h.TRACE_STATE) and raw
    }
