"""State and messages of the customers' balances."""

from node_payment_effect.v1_0_0.models import MoneyMoved

from onex.node import Message

__all__ = ["Balance", "CustomerBalance", "MoneyMoved"]


class Balance(Message):
    """State: the balance of a customer, and the number of movements."""

    total: float = 0.0
    movements: int = 0


class CustomerBalance(Message, key="customer"):
    """Snapshot of a balance, for any reader."""

    customer: str
    total: float
    movements: int
