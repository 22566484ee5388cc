"""State and messages of the running total."""

from pydantic import Field

from onex.node import Message


class Balance(Message):
    """State: what was added up so far."""

    total: int
    count: int


class Amount(Message, key="account"):
    """Add ``value`` to an account."""

    account: str = Field(min_length=1)
    value: int = Field(ge=1)


class Total(Message, key="account"):
    """The total after an amount."""

    account: str
    total: int
    count: int
