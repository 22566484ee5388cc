"""Spans for the records that a Faust application sends, by OpenTelemetry's instrumentation of aiokafka."""

from opentelemetry import trace
from opentelemetry.instrumentation.aiokafka import AIOKafkaInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


class AppTracing:
    """Instruments aiokafka unless the application has done so, with the application's tracer provider if it has one.

    Only sent records have spans: Faust's consumer does not use the methods that are instrumented.
    """

    def __init__(self, endpoint: str) -> None:
        """``endpoint``: collector for OTLP over HTTP. Empty adds no spans."""
        self._exporting: TracerProvider | None = None
        self._instrumented = bool(endpoint) and not AIOKafkaInstrumentor().is_instrumented_by_opentelemetry
        if not self._instrumented:
            return
        provider = trace.get_tracer_provider()
        if not isinstance(provider, TracerProvider):  # the application has set none
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            provider = self._exporting = TracerProvider(resource=Resource.create({"service.name": "faust"}))
            exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
            provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=500))
        AIOKafkaInstrumentor().instrument(tracer_provider=provider)

    def close(self) -> None:
        """Export the remaining spans, and undo the instrumentation that was made here."""
        if self._instrumented:
            AIOKafkaInstrumentor().uninstrument()
        if self._exporting is not None:
            self._exporting.shutdown()
