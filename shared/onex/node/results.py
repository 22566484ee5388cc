"""What reducers and orchestrators answer."""

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
    """A message with parts of its envelope set by hand. Empty parts keep the engine's choice."""

    message: Message
    key: str = ""
    reply_key: str = ""
    idempotency_key: str = ""
    id: str = ""
    correlation_id: str = ""
    """For what belongs to another chain than the message in hand."""
    answers_id: str = ""
    """Id of the message that this one answers, where that is not the one in hand."""
    answer_within: float = 0.0
    """Seconds after which nobody waits for its answer; 0 for no such limit."""


@dataclass(frozen=True, slots=True)
class Reduction(Generic[State]):
    """New state of the key (None deletes it) and intents for effects to carry out."""

    state: State | None
    intents: Sequence[Message | Addressed] = ()


def _name_of_timer(name: object) -> str:
    """The name as plain text: members of a StrEnum are names, too."""
    if not isinstance(name, str):
        raise ValueError(f"the name of a timer is a {type(name).__name__}, not text")
    plain = str.__str__(name)
    try:
        plain.encode()
    except UnicodeEncodeError:
        raise ValueError(f"the name of a timer is no valid Unicode: {plain!r}") from None
    return plain


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Wake this key after ``after`` seconds with :class:`TimerFired`; replaces one of the same name.

    A delay below zero has passed already. Raises ValueError for a delay that is no finite number or longer than 100
    years, and for a name that is no text.
    """

    name: str
    after: float

    def __post_init__(self) -> None:
        """Check here, in the handler, what could not be written later."""
        object.__setattr__(self, "name", _name_of_timer(self.name))
        try:
            after = float(self.after)
        except (TypeError, ValueError, OverflowError):
            after = math.nan
        if not -LONGEST <= after <= LONGEST:
            raise ValueError(
                f"SetTimer({self.name!r}): the delay is {self.after!r}; give a number of seconds, at most 100 years"
            )
        object.__setattr__(self, "after", after)


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Forget the timer of that name; unknown names are fine. Raises ValueError for a name that is no text."""

    name: str

    def __post_init__(self) -> None:
        """As of ``SetTimer``."""
        object.__setattr__(self, "name", _name_of_timer(self.name))


class TimerFired(Message):
    """A durable timer is due. Reaches the handler of the key that set it."""

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
