"""Messages of the warehouse that the shelves and the till take and send."""

from node_warehouse_orchestrator.v1_0_0.models import (
    ChargeDeclined,
    ChargeOrder,
    FraudScored,
    OrderCharged,
    OrderRefunded,
    RefundOrder,
    ReleaseStock,
    ReserveStock,
    ScoreFraud,
    StockRefused,
    StockReleased,
    StockReserved,
)

__all__ = [
    "ChargeDeclined",
    "ChargeOrder",
    "FraudScored",
    "OrderCharged",
    "OrderRefunded",
    "RefundOrder",
    "ReleaseStock",
    "ReserveStock",
    "ScoreFraud",
    "StockRefused",
    "StockReleased",
    "StockReserved",
]
