"""Takes an order through the warehouse."""

from node_warehouse_orchestrator.v1_0_0.models import (
    ChargeOrder,
    FraudScored,
    FulfilOrder,
    OrderCharged,
    OrderFulfilled,
    OrderUnfulfilled,
    RefundOrder,
    ReleaseStock,
    ReserveStock,
    ScoreFraud,
    StockReserved,
)

from onex.node import NodeOrchestrator, Run


class NodeWarehouseOrchestrator(NodeOrchestrator[FulfilOrder, OrderFulfilled]):
    """Compensations are written from results: what has no result cannot be undone by them."""

    def score(self, run: Run[FulfilOrder]) -> ScoreFraud:
        return ScoreFraud(order=run.command.order)

    def reserve(self, run: Run[FulfilOrder]) -> list[ReserveStock]:
        order = run.command
        return [ReserveStock(order=order.order, line=n, article=article) for n, article in enumerate(order.articles)]

    def compensate_reserve(self, run: Run[FulfilOrder]) -> list[ReleaseStock]:
        reserved = run.all_results(StockReserved)
        return [ReleaseStock(order=run.command.order, article=line.article) for line in reserved]

    def charge(self, run: Run[FulfilOrder]) -> ChargeOrder:
        return ChargeOrder(order=run.command.order)

    def compensate_charge(self, run: Run[FulfilOrder]) -> RefundOrder:
        return RefundOrder(order=run.command.order, receipt=run.result(OrderCharged).receipt)

    def rescore(self, run: Run[FulfilOrder]) -> ScoreFraud:
        return ScoreFraud(order=run.command.order, final=True)

    def completed(self, run: Run[FulfilOrder]) -> OrderFulfilled:
        scores = [run.result(FraudScored, step).score for step in ("score", "rescore")]
        return OrderFulfilled(order=run.command.order, scores=scores)

    def failed(self, run: Run[FulfilOrder]) -> OrderUnfulfilled:
        failure = run.failure
        assert failure is not None
        return OrderUnfulfilled(
            order=run.command.order,
            reason=failure.reason,
            left=list(failure.uncompensated),
            problems=[f"{step}: {problem}" for step, problem in failure.problems.items()],
        )
