"""Quotes prices."""

from node_quote_compute.v1_0_0.models import OrderQuoted, QuoteOrder

from onex.node import NodeCompute


class NodeQuoteCompute(NodeCompute[QuoteOrder, OrderQuoted]):
    """The same for every piece."""

    def compute(self, request: QuoteOrder) -> OrderQuoted:
        return OrderQuoted(order_id=request.order_id, total=1.25 * request.quantity)
