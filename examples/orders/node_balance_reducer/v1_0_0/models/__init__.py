"""State and messages of the customers' balances."""

from node_payment_effect.v1_0_0.models import MoneyMoved

from onex.node import Message

__all__ = ["Balance", "CustomerBalance", "MoneyMoved"]


class Balance(Message):
    """State: what a customer has paid, and in how many movements."""

    total: float = 0.0
    movements: int = 0


class CustomerBalance(Message, key="customer"):
    """Snapshot for everyone who wants to know."""

    customer: str
    total: float
    movements: int
