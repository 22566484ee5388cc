"""What reducers and orchestrators answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

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


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Wake this key after ``after`` seconds with :class:`TimerFired`; replaces one of the same name."""

    name: str
    after: float


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Forget the timer of that name; unknown names are fine."""

    name: str


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
