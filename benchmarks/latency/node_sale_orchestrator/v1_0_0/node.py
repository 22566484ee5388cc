"""Quotes an order and labels its parcel."""

from node_sale_orchestrator.v1_0_0.models import (
    LabelParcel,
    NotSold,
    OrderQuoted,
    ParcelLabelled,
    QuoteOrder,
    Sell,
    Sold,
)

from onex.node import NodeOrchestrator, Run


class NodeSaleOrchestrator(NodeOrchestrator[Sell, Sold]):
    """Two steps, one after the other."""

    def quote(self, run: Run[Sell]) -> QuoteOrder:
        return QuoteOrder(order_id=run.command.order_id, quantity=run.command.quantity)

    def label(self, run: Run[Sell]) -> LabelParcel:
        return LabelParcel(order_id=run.command.order_id, customer=run.command.customer)

    def completed(self, run: Run[Sell]) -> Sold:
        label = run.result(ParcelLabelled).label
        return Sold(order_id=run.command.order_id, total=run.result(OrderQuoted).total, label=label)

    def failed(self, run: Run[Sell]) -> NotSold:
        return NotSold(order_id=run.command.order_id, reason=run.failure.reason if run.failure else "")
