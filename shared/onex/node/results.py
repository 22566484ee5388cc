"""Results of reducers and orchestrators."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from onex.model.duration import LONGEST
from onex.model.message import Message

State = TypeVar("State", bound=Message)


@dataclass(frozen=True, slots=True)
class Addressed:
    """A message with explicit parts of its envelope. The engine fills empty parts."""

    message: Message
    key: str = ""
    reply_key: str = ""
    idempotency_key: str = ""
    id: str = ""
    correlation_id: str = ""
    """For a message that belongs to another chain than the current message."""
    answers_id: str = ""
    """Id of the command to which this is the reply. Empty means the current message."""
    answer_within: float = 0.0
    """Seconds after which no caller waits for the reply. 0 means no limit."""


@dataclass(frozen=True, slots=True)
class Reduction(Generic[State]):
    """New state of the key (None deletes it) and intents for effects to carry out."""

    state: State | None
    intents: Sequence[Message | Addressed] = ()


def _name_of_timer(name: object) -> str:
    """Return the name as a plain ``str``. A member of a StrEnum is a name, too."""
    if not isinstance(name, str):
        raise ValueError(f"the name of a timer is a {type(name).__name__}, not text")
    plain = str.__str__(name)
    try:
        plain.encode()
    except UnicodeEncodeError:
        raise ValueError(f"the name of a timer is not valid Unicode: {plain!r}") from None
    return plain


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Call the handler of this key with :class:`TimerFired` after ``after`` seconds. Replaces a timer of the same
    name.

    A negative delay is due immediately. Raises ValueError for a delay that is not a finite number or longer than 100
    years, and for a name that is not text.
    """

    name: str
    after: float

    def __post_init__(self) -> None:
        """Check here, so that the error is raised in the handler and not later, when the timer is written."""
        object.__setattr__(self, "name", _name_of_timer(self.name))
        try:
            after = float(self.after)
        except (TypeError, ValueError, OverflowError):
            after = math.nan
        if not -LONGEST <= after <= LONGEST:
            raise ValueError(
                f"SetTimer({self.name!r}): the delay is {self.after!r}; use a number of seconds, at most 100 years"
            )
        object.__setattr__(self, "after", after)


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Cancel the timer of that name. Unknown names are ignored. Raises ValueError for a name that is not text."""

    name: str

    def __post_init__(self) -> None:
        """Check the name as ``SetTimer`` does."""
        object.__setattr__(self, "name", _name_of_timer(self.name))


class TimerFired(Message):
    """A durable timer is due. The engine passes it to the handler of the key that set it."""

    name: str
    due: datetime


@dataclass(frozen=True, slots=True)
class Decision(Generic[State]):
    """New state of the workflow (None deletes it), commands, timers and the completion event."""

    state: State | None
    commands: Sequence[Message | Addressed] = ()
    timers: Sequence[SetTimer | CancelTimer] = ()
    completion: Message | Addressed | None = None
    events: Sequence[Message | Addressed] = ()
    """Further events, such as progress."""
