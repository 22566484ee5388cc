"""What operators did with dead letters, as events: who, what, why."""

from datetime import datetime
from enum import StrEnum

from onex.model.message import Message


class EnumDeadLetterAction(StrEnum):
    """What was done with a dead letter; the latest decides where it stands."""

    REPLAYED = "replayed"
    """Sent to its node again."""
    PARKED = "parked"
    """Put aside: replay passes it by."""
    REOPENED = "reopened"
    """Taken back into the open ones."""
    DROPPED = "dropped"
    """Given up for good."""
    EDITED = "edited"
    """Superseded by a mended copy."""


class DeadLetterAudited(Message, key="letter"):
    """One entry of the audit."""

    letter: str
    """``topic-partition-offset-timestamp`` of the dead letter."""
    node: str
    action: EnumDeadLetterAction
    who: str
    why: str = ""
    at: datetime
    message_id: str
    detail: str = ""
    """Replay id, place of the mended copy, or what an edit changed."""
