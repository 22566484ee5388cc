"""OpenTelemetry spans within a handler."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from typing_extensions import override

from onex.capability import ProtocolCurrentMessage
from onex.mixins.tracing.model_tracing_subcontract import ModelTracingSubcontract
from onex.mixins.tracing.protocol_tracing import Attribute, ProtocolSpan, ProtocolTracing
from onex.util.error_text import error_text, exception_facts
from onex.util.redaction import HIDDEN, Redactor

_PROPAGATOR = TraceContextTextMapPropagator()
_RATIO_DIGITS = 16
_RATIO_RANGE = float(16**_RATIO_DIGITS)
_OPEN: ContextVar[Span | None] = ContextVar("onex_open_span", default=None)


def open_span() -> Span:
    """Return the innermost span that a handler has opened; outside of one, a span that is not valid."""
    return _OPEN.get() or INVALID_SPAN


class OpenSpan(ProtocolSpan):
    """A span of OpenTelemetry, with redacted attributes."""

    def __init__(self, span: Span, settings: ModelTracingSubcontract, redact: Redactor) -> None:
        self._span = span
        self._max_length = settings.max_attribute_length
        self._redact = redact

    @override
    def note(self, **attributes: Attribute) -> None:
        self._span.set_attributes(self.clean(attributes))

    @override
    def event(self, name: str, /, **attributes: Attribute) -> None:
        self._span.add_event(name, self.clean(attributes))

    def clean(self, attributes: Mapping[str, Attribute]) -> dict[str, Attribute]:
        """Return the attributes with secrets hidden and long texts cut."""
        length = self._max_length
        return {
            name: HIDDEN if self._redact.hides(name) else value[:length] if isinstance(value, str) else value
            for name, value in attributes.items()
        }


class TracingEngine(ProtocolTracing):
    """Opens spans within the trace of the current message."""

    def __init__(
        self, settings: ModelTracingSubcontract, tracer: Tracer, current_message: ProtocolCurrentMessage
    ) -> None:
        self._settings = settings
        self._tracer = tracer
        self._current_message = current_message
        self._redact = Redactor(settings.sensitive_field_patterns)

    @override
    @contextmanager
    def span(self, name: str, /, **attributes: Attribute) -> Iterator[OpenSpan]:
        if not self._settings.enabled or not self._is_sampled():
            yield OpenSpan(INVALID_SPAN, self._settings, self._redact)
            return
        span = self._tracer.start_span(name, self._parent(), SpanKind.INTERNAL)
        opened = OpenSpan(span, self._settings, self._redact)
        opened.note(**attributes)
        token = _OPEN.set(span)
        try:
            yield opened
        except BaseException as error:
            span.set_status(Status(StatusCode.ERROR, error_text(error)))
            if self._settings.record_exceptions:
                span.add_event("exception", exception_facts(error))
            raise
        finally:
            _OPEN.reset(token)
            span.end()

    @override
    def headers(self) -> Mapping[str, str]:
        headers: dict[str, str] = {}
        _PROPAGATOR.inject(headers, self._parent())
        if self._current_message.correlation_id:
            headers["onex-correlation-id"] = self._current_message.correlation_id
        return headers

    def _is_sampled(self) -> bool:
        """Decide by the trace id, as OpenTelemetry's TraceIdRatioBased does.

        Without a trace every span is sampled.
        """
        parts = self._current_message.trace_parent.split("-")
        if len(parts) < 2:
            return self._settings.sample_share > 0
        return int(parts[1][-_RATIO_DIGITS:], 16) < self._settings.sample_share * _RATIO_RANGE

    def _parent(self) -> Context:
        outer = _OPEN.get()
        if outer is not None:
            return set_span_in_context(outer, Context())
        return _PROPAGATOR.extract({"traceparent": self._current_message.trace_parent}, Context())
