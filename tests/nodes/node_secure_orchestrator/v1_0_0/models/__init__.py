"""State and messages of payouts."""

from onex.node import Message


class PayoutState(Message):
    """A payout that waits for its release."""

    amount: int
    sealed_account: bytes
    """The account, encrypted: the state is in a topic and on disk."""
    requested_by: str


class RequestPayout(Message, key="payout"):
    """Ask for a payout. Clerks may."""

    payout: str
    amount: int
    """In cents."""
    account: str


class ReleasePayout(Message, key="payout"):
    """Release a payout. Managers may, but not their own requests."""

    payout: str


class PayoutRequested(Message, key="payout"):
    """The payout waits for its release."""

    payout: str
    requested_by: str


class PayoutReleased(Message, key="payout"):
    """The bank may pay."""

    payout: str
    amount: int
    account: str
    requested_by: str
    released_by: str
