"""Spans by OpenTelemetry."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from onex.capability import ProtocolCurrentMessage
from onex.mixins.tracing.model_tracing_subcontract import ModelTracingSubcontract
from onex.mixins.tracing.protocol_tracing import Attribute
from onex.model.error_text import error_text, exception_facts
from onex.util.redaction import HIDDEN, Redactor

_PROPAGATOR = TraceContextTextMapPropagator()
_RATIO_DIGITS = 16
_RATIO_RANGE = float(16**_RATIO_DIGITS)
_OPEN: ContextVar[Span | None] = ContextVar("onex_open_span", default=None)


class OpenSpan:
    """See :class:`ProtocolSpan`."""

    def __init__(self, span: Span, settings: ModelTracingSubcontract, redact: Redactor) -> None:
        self._span = span
        self._most = settings.max_attribute_length
        self._redact = redact

    def note(self, **attributes: Attribute) -> None:
        """See the protocol."""
        self._span.set_attributes(self.clean(attributes))

    def event(self, name: str, /, **attributes: Attribute) -> None:
        """See the protocol."""
        self._span.add_event(name, self.clean(attributes))

    def clean(self, attributes: Mapping[str, Attribute]) -> dict[str, Attribute]:
        """Without secrets, and not without end."""
        return {
            name: HIDDEN if self._redact.hides(name) else value[: self._most] if isinstance(value, str) else value
            for name, value in attributes.items()
        }


class TracingEngine:
    """See :class:`ProtocolTracing`."""

    def __init__(
        self, settings: ModelTracingSubcontract, tracer: Tracer, current_message: ProtocolCurrentMessage
    ) -> None:
        self._settings = settings
        self._tracer = tracer
        self._current_message = current_message
        self._redact = Redactor(settings.sensitive_field_patterns)

    @contextmanager
    def span(self, name: str, /, **attributes: Attribute) -> Iterator[OpenSpan]:
        """See the protocol."""
        if not self._settings.enabled or not self._is_sampled():
            yield OpenSpan(_nothing(), self._settings, self._redact)
            return
        made = self._tracer.start_span(name, self._around(), SpanKind.INTERNAL)
        opened = OpenSpan(made, self._settings, self._redact)
        opened.note(**attributes)
        before = _OPEN.set(made)
        try:
            yield opened
        except BaseException as error:
            made.set_status(Status(StatusCode.ERROR, error_text(error)))
            if self._settings.record_exceptions:
                made.add_event("exception", exception_facts(error))
            raise
        finally:
            _OPEN.reset(before)
            made.end()

    def headers(self) -> Mapping[str, str]:
        """See the protocol."""
        found: dict[str, str] = {}
        _PROPAGATOR.inject(found, self._around())
        if self._current_message.correlation_id:
            found["onex-correlation-id"] = self._current_message.correlation_id
        return found

    def _is_sampled(self) -> bool:
        """By the trace's id, as OpenTelemetry's TraceIdRatioBased decides; without a trace all are."""
        parts = self._current_message.trace_parent.split("-")
        if len(parts) < 2:
            return self._settings.sample_share > 0
        return int(parts[1][-_RATIO_DIGITS:], 16) < self._settings.sample_share * _RATIO_RANGE

    def _around(self) -> Context:
        outer = _OPEN.get()
        if outer is not None:
            return set_span_in_context(outer, Context())
        return _PROPAGATOR.extract({"traceparent": self._current_message.trace_parent}, Context())


def _nothing() -> Span:
    from opentelemetry.trace import INVALID_SPAN

    return INVALID_SPAN
