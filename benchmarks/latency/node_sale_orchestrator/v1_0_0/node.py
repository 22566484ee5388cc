"""Prices an order and labels its parcel."""

from node_sale_orchestrator.v1_0_0.models import (
    LabelParcel,
    NotSold,
    Order,
    ParcelLabelled,
    PricedOrder,
    Sell,
    Sold,
)

from onex.node import NodeOrchestrator, Run


class NodeSaleOrchestrator(NodeOrchestrator[Sell, Sold]):
    """Two steps, one after the other."""

    def price(self, run: Run[Sell]) -> Order:
        return Order(
            order_id=run.command.order_id,
            customer="c",
            sku="s",
            quantity=1,
            unit_price=1.0,
            placed_ms=1_700_000_000_000,
        )

    def label(self, run: Run[Sell]) -> LabelParcel:
        return LabelParcel(order_id=run.command.order_id, customer=run.result(PricedOrder).customer)

    def completed(self, run: Run[Sell]) -> Sold:
        label = run.result(ParcelLabelled).label
        return Sold(order_id=run.command.order_id, total=run.result(PricedOrder).total, label=label)

    def failed(self, run: Run[Sell]) -> NotSold:
        return NotSold(order_id=run.command.order_id, reason=run.failure.reason if run.failure else "")
