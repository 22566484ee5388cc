"""Prices orders."""

from node_order_pricing_compute.v1_0_0.models import OrderPriced, PriceOrder

from onex.node import NodeCompute


class NodeOrderPricingCompute(NodeCompute[PriceOrder, OrderPriced]):
    """Quantity times unit price."""

    def compute(self, request: PriceOrder) -> OrderPriced:
        return OrderPriced(order_id=request.order_id, total=request.quantity * request.unit_price)
