"""Adds up amounts."""

from node_running_total_reducer.v1_0_0.models import Amount, Balance, Total

from onex.node import Context, NodeReducer, Reduction


class NodeRunningTotalReducer(NodeReducer[Balance]):
    """A total per account, published after every amount."""

    def reduce(self, state: Balance | None, event: Amount, context: Context) -> Reduction[Balance]:
        total, count = (state.total + event.value, state.count + 1) if state else (event.value, 1)
        total_now = Total(account=event.account, total=total, count=count)
        return Reduction(Balance(total=total, count=count), intents=[total_now])
