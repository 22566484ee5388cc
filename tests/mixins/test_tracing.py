"""MixinTracing."""

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from opentelemetry.trace import TracerProvider as AnyProvider

from onex.capability import ProtocolCurrentMessage
from onex.mixins.tracing import MixinTracing, ModelTracingSubcontract
from onex.mixins.tracing.engine import TracingEngine
from onex.node import NodeEffect
from tests.mixins.helpers import CURRENT_MESSAGE, FakeCurrentMessage, container


class Traced:
    def __init__(self, current: FakeCurrentMessage = CURRENT_MESSAGE, **settings: object) -> None:
        self._kept = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._kept))
        model = ModelTracingSubcontract.model_validate(settings)
        self.engine = TracingEngine(model, provider.get_tracer("test"), current)

    @property
    def spans(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self._kept.get_finished_spans()}


def test_spans_stand_within_the_message_and_within_each_other() -> None:
    traced = Traced()
    with traced.engine.span("outer", bank="north") as outer:
        outer.note(amount=5)
        with traced.engine.span("inner") as inner:
            inner.event("asked", try_number=1)
    spans = traced.spans
    outer_span, inner_span = spans["outer"], spans["inner"]
    assert outer_span.parent
    assert outer_span.context
    assert inner_span.parent
    assert format(outer_span.parent.span_id, "016x") == "b7ad6b7169203331"
    assert format(outer_span.context.trace_id, "032x") == "0af7651916cd43dd8448eb211c80319c"
    assert inner_span.parent.span_id == outer_span.context.span_id
    assert outer_span.attributes == {"bank": "north", "amount": 5}
    assert [event.name for event in inner_span.events] == ["asked"]


def test_headers_go_on_with_the_trace() -> None:
    traced = Traced()
    assert traced.engine.headers() == {"traceparent": CURRENT_MESSAGE.trace_parent, "onex-correlation-id": "c-1"}
    with traced.engine.span("ask"):
        headers = traced.engine.headers()
    context = traced.spans["ask"].context
    assert context
    assert headers["traceparent"].split("-")[2] == format(context.span_id, "016x")
    assert Traced(current=FakeCurrentMessage()).engine.headers() == {}


@pytest.mark.enforces("tracing.record_exceptions")
def test_an_exception_marks_its_span() -> None:
    for recorded in (True, False):
        traced = Traced(record_exceptions=recorded)
        with pytest.raises(KeyError), traced.engine.span("ask"):
            raise KeyError("gone")
        span = traced.spans["ask"]
        assert span.status.status_code is StatusCode.ERROR
        assert bool(span.events) == recorded


@pytest.mark.enforces("tracing.sensitive_field_patterns", "tracing.max_attribute_length")
def test_attributes_are_short_and_hold_no_secrets() -> None:
    traced = Traced(sensitive_field_patterns=["pin"], max_attribute_length=10)
    with traced.engine.span("ask", pin="1234", text="x" * 20, token="kept"):
        pass
    assert traced.spans["ask"].attributes == {"pin": "[redacted]", "text": "x" * 10, "token": "kept"}


@pytest.mark.enforces("tracing.enabled")
def test_switched_off_it_makes_no_spans() -> None:
    traced = Traced(enabled=False)
    with traced.engine.span("ask", bank="north") as span:
        span.note(amount=5)
        span.event("asked")
    assert traced.spans == {}
    assert traced.engine.headers()["traceparent"] == CURRENT_MESSAGE.trace_parent


@pytest.mark.enforces("tracing.sample_share")
def test_a_share_of_the_traces() -> None:
    low, high = (
        FakeCurrentMessage("m", "c", f"00-0af7651916cd43dd{half}-b7ad6b7169203331-01")
        for half in ("3" * 16, "c" * 16)
    )
    for current, share, made in (
        (low, 0.5, 1),
        (high, 0.5, 0),
        (low, 0.0, 0),
        (high, 1.0, 1),
        (FakeCurrentMessage(), 0.5, 1),
        (FakeCurrentMessage(), 0.0, 0),
    ):
        traced = Traced(current=current, sample_share=share)
        with traced.engine.span("ask"):
            pass
        assert len(traced.spans) == made, (current, share)


def test_a_node_traces_where_its_agent_does() -> None:
    class Node(MixinTracing, NodeEffect):
        pass

    kept, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    node = Node()
    node.container = container()
    node.container.registry.value(ProtocolCurrentMessage, CURRENT_MESSAGE).value(AnyProvider, provider)
    with node.tracing.span("ask"):
        pass
    assert [span.name for span in kept.get_finished_spans()] == ["ask"]
    with Node().tracing.span("nobody hears it"):
        pass
