"""Spans where it matters most: aborted transactions, timers, dead letters, sampling."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from node_order_orchestrator.v1_0_0.models import OrderFailed, PlaceOrder
from node_order_pricing_compute.v1_0_0.models import OrderPriced, PriceOrder
from node_order_pricing_compute.v1_0_0.node import NodeOrderPricingCompute
from node_payment_effect.v1_0_0.models import ChargeCard
from node_payment_effect.v1_0_0.node import NodePaymentEffect
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from onex.testing import MeshDriver
from onex.wire import headers as h
from tests.conftest import ORDERS

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Traced:
    """A driver that stores its spans."""

    def __init__(self, folders: list[Path]) -> None:
        self._exporter = InMemorySpanExporter()
        self.mesh = MeshDriver(folders, spans=SimpleSpanProcessor(self._exporter))

    def spans(self, name: str = "") -> list[ReadableSpan]:
        """Finished spans whose name starts so, in the order they ended."""
        return [span for span in self._exporter.get_finished_spans() if span.name.startswith(name)]


@pytest.fixture
def orders() -> Iterator[Traced]:
    made = Traced(sorted(ORDERS.glob("*/v1_0_0")))
    yield made
    made.mesh.close()


def parent_of(span: ReadableSpan) -> int:
    assert span.parent is not None
    return span.parent.span_id


def test_an_aborted_batch_is_seen_and_its_repetition_as_well(orders: Traced) -> None:
    mesh = orders.mesh
    (pricing,) = mesh.instances_of(NodeOrderPricingCompute)
    pricing.fail_next_commit()
    mesh.send(PriceOrder(order_id="o-1", quantity=1, unit_price=1.0), headers=[(h.TRACE_PARENT, PARENT.encode())])
    mesh.advance("10s")  # the partition pauses before it tries again
    assert len(mesh.published(OrderPriced)) == 1
    topic = "onex.cmd.order-pricing.price-order.v1"
    first, second = orders.spans(f"process {topic}")
    assert first.context.trace_id == second.context.trace_id == int(PARENT.split("-")[1], 16)
    aborted, committed = orders.spans("settle")[:2]
    assert (aborted.status.status_code, committed.status.status_code) == (StatusCode.ERROR, StatusCode.UNSET)
    assert (parent_of(aborted), parent_of(committed)) == (first.context.span_id, second.context.span_id)
    undone, sent = orders.spans("send onex.evt.order-pricing.order-priced.v1")
    assert (undone.status.status_code, sent.status.status_code) == (StatusCode.ERROR, StatusCode.UNSET)
    (record,) = [record for record, _ in mesh.messages(OrderPriced)]
    carried = dict(record.headers() or [])[h.TRACE_PARENT].decode()
    assert carried.split("-")[2] == f"{sent.context.span_id:016x}", "the reader's parent is the span that sent it"


def test_outcomes_of_an_effect_are_sent_once_however_often_they_are_committed(orders: Traced) -> None:
    mesh = orders.mesh
    (payment,) = mesh.instances_of(NodePaymentEffect)
    payment.fail_next_commit()
    mesh.send(ChargeCard(order_id="o-1", customer="ann", amount=1.0))
    mesh.advance("10s")
    assert len(orders.spans("process onex.cmd.payment.charge-card.v1")) == 1
    settled = [s.status.status_code for s in orders.spans("settle") if s.resource.attributes["service.name"] == NAME]
    assert settled == [StatusCode.ERROR, StatusCode.UNSET]
    sent = orders.spans("send onex.evt.payment.card-charged.v1")
    assert [span.status.status_code for span in sent] == [StatusCode.UNSET]


NAME = "node_payment_effect"


def test_a_timer_belongs_to_the_trace_of_what_set_it(orders: Traced) -> None:
    mesh = orders.mesh
    mesh.mute(NodePaymentEffect)
    sent = mesh.send(PlaceOrder(order_id="o-1", quantity=2, unit_price=5.0))
    mesh.advance("31s")
    assert isinstance(mesh.completion(sent), OrderFailed)
    fired = orders.spans("process timer step:charge")
    assert len(fired) == 3
    known = {span.context.span_id for span in orders.spans()}
    assert {parent_of(span) in known for span in fired} == {True}
    assert len({span.context.trace_id for span in orders.spans()}) == 1


def test_a_dead_letter_is_an_event_also_when_nothing_could_be_decoded(orders: Traced) -> None:
    orders.mesh.publish("onex.cmd.orders.place-order.v1", b"\x00garbage", b"k", [(h.TRACE_PARENT, PARENT.encode())])
    (process,) = orders.spans("process onex.cmd.orders.place-order.v1")
    assert process.status.status_code is StatusCode.ERROR
    assert [event.name for event in process.events][-1] == "dead letter"
    assert process.context.trace_id == int(PARENT.split("-")[1], 16)


def test_a_dead_letter_of_what_was_not_sampled_makes_no_span(orders: Traced) -> None:
    unsampled = PARENT.removesuffix("01").encode() + b"00"
    orders.mesh.publish("onex.cmd.orders.place-order.v1", b"\x00garbage", b"k", [(h.TRACE_PARENT, unsampled)])
    assert orders.mesh.dead_letters()
    assert orders.spans() == []


def test_what_was_not_sampled_makes_no_spans_and_stays_so(orders: Traced) -> None:
    unsampled = PARENT.removesuffix("01") + "00"
    orders.mesh.send(
        PriceOrder(order_id="o-1", quantity=1, unit_price=1.0), headers=[(h.TRACE_PARENT, unsampled.encode())]
    )
    assert orders.spans() == []
    (record,) = [record for record, _ in orders.mesh.messages(OrderPriced)]
    carried = dict(record.headers() or [])[h.TRACE_PARENT].decode()
    assert carried.split("-")[1::2] == [unsampled.split("-")[1], "00"]
