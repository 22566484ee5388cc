"""Store a balance for each customer."""

from node_balance_reducer.v1_0_0.models import Balance, CustomerBalance, MoneyMoved

from onex.node import Context, NodeReducer, Reduction


class NodeBalanceReducer(NodeReducer[Balance]):
    """Adds up payments and refunds."""

    def reduce(self, state: Balance | None, event: MoneyMoved, context: Context) -> Reduction[Balance]:
        old = state or Balance()
        new = Balance(total=old.total + event.amount, movements=old.movements + 1)
        shown = CustomerBalance(customer=event.customer, total=new.total, movements=new.movements)
        return Reduction(new, intents=[shown])
