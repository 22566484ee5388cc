"""Messages of the digest."""

from datetime import datetime

from onex.node import Message


class MakeDigest(Message, key="digest_id"):
    """Make a digest."""

    digest_id: str
    made_for: datetime
    pages: int


class DigestMade(Message, key="digest_id"):
    """A digest."""

    digest_id: str
    made_for: datetime
    pages: int
