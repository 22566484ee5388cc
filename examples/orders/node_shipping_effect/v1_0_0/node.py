"""Ships orders."""

from node_shipping_effect.v1_0_0.models import OrderShipped, ShipmentRefused, ShipOrder

from onex.node import Context, NodeEffect


class NodeShippingEffect(NodeEffect):
    """The carrier accepts at most a hundred pieces."""

    async def ship(self, command: ShipOrder, context: Context) -> OrderShipped | ShipmentRefused:
        if command.quantity > 100:
            return ShipmentRefused(order_id=command.order_id, reason="too heavy")
        return OrderShipped(order_id=command.order_id)
