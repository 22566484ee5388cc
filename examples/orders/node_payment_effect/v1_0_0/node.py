"""Charges and refunds cards."""

from node_payment_effect.v1_0_0.models import CardCharged, CardDeclined, ChargeCard, MoneyMoved, RefundCard

from onex.node import Context, NodeConfig, NodeEffect


class NodePaymentEffect(NodeEffect):
    """Takes the place of a bank. A real bank receives ``context.idempotency_key`` with each call."""

    class Config(NodeConfig):
        limit: float

    config: Config

    async def charge(
        self, command: ChargeCard, context: Context
    ) -> CardDeclined | tuple[CardCharged | MoneyMoved, ...]:
        if command.amount > self.config.limit:
            return CardDeclined(order_id=command.order_id, reason="limit")
        moved = MoneyMoved(customer=command.customer, order_id=command.order_id, amount=command.amount)
        return CardCharged(order_id=command.order_id), moved

    async def refund(self, command: RefundCard, context: Context) -> MoneyMoved:
        return MoneyMoved(customer=command.customer, order_id=command.order_id, amount=-command.amount)
