"""Prices orders."""

from node_price_compute.v1_0_0.models import Order, PricedOrder

from onex.node import NodeCompute


class NodePriceCompute(NodeCompute[Order, PricedOrder]):
    """Quantity times price."""

    def compute(self, request: Order) -> PricedOrder:
        return PricedOrder(
            order_id=request.order_id,
            customer=request.customer,
            quantity=request.quantity,
            total=request.quantity * request.unit_price,
            placed_ms=request.placed_ms,
        )
