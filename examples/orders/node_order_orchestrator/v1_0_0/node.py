"""Takes an order through pricing, payment and shipping."""

from node_order_orchestrator.v1_0_0.models import (
    ChargeCard,
    OrderCompleted,
    OrderFailed,
    OrderPriced,
    PlaceOrder,
    PriceOrder,
    RefundCard,
    ShipOrder,
)

from onex.node import NodeOrchestrator, Run


class NodeOrderOrchestrator(NodeOrchestrator[PlaceOrder, OrderCompleted]):
    """The contract has the order of the steps; each method returns the command of one step."""

    def price(self, run: Run[PlaceOrder]) -> PriceOrder:
        order = run.command
        return PriceOrder(order_id=order.order_id, quantity=order.quantity, unit_price=order.unit_price)

    def charge(self, run: Run[PlaceOrder]) -> ChargeCard:
        amount = run.result(OrderPriced).total
        return ChargeCard(order_id=run.command.order_id, customer=run.command.customer, amount=amount)

    def compensate_charge(self, run: Run[PlaceOrder]) -> RefundCard:
        amount = run.result(OrderPriced).total
        return RefundCard(order_id=run.command.order_id, customer=run.command.customer, amount=amount)

    def ship(self, run: Run[PlaceOrder]) -> ShipOrder:
        return ShipOrder(order_id=run.command.order_id, quantity=run.command.quantity)

    def completed(self, run: Run[PlaceOrder]) -> OrderCompleted:
        return OrderCompleted(order_id=run.command.order_id, total=run.result(OrderPriced).total)

    def failed(self, run: Run[PlaceOrder]) -> OrderFailed:
        return OrderFailed(order_id=run.command.order_id, reason=run.failure.reason if run.failure else "")
