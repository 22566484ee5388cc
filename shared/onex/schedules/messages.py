"""Messages and state of the scheduler."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from onex.model.contract.schedules import LONGEST_PAYLOAD
from onex.model.duration import LONGEST
from onex.model.enums import EnumAfterOutage
from onex.model.message import Message

LONGEST_NAME = 300
"""Characters of the full name of a schedule."""


class EnumScheduleAction(StrEnum):
    """A change of a schedule."""

    SET = "set"
    PAUSE = "pause"
    RESUME = "resume"
    RUN = "run"
    REMOVE = "remove"


class EnumFiredBy(StrEnum):
    """Why a command was sent."""

    CLOCK = "clock"
    OPERATOR = "operator"


class ScheduleDefinition(Message):
    """A schedule as a contract declares it, with all that its scheduler needs to send the command."""

    node: str = Field(max_length=LONGEST_NAME)
    """Node that declares the schedule and takes the command, with its major version: ``node_report_effect.v1``."""
    cron: str = Field(max_length=LONGEST_NAME)
    zone: str = Field(max_length=LONGEST_NAME)
    after_outage: EnumAfterOutage
    late_after: float = Field(ge=0, le=LONGEST)
    """Seconds after a due time within which it counts as punctual."""
    topic: str = Field(max_length=LONGEST_NAME)
    """Topic of the command, without the prefix of the environment."""
    key: str = Field(max_length=LONGEST_PAYLOAD)
    """Partition key of the command, with placeholders. Empty: the name of the schedule."""
    payload: str = Field(max_length=LONGEST_PAYLOAD)
    """The command in JSON, with placeholders."""


class ChangeSchedule(Message, key="schedule"):
    """Set, pause, resume, carry out or remove a schedule. All changes of a schedule are in one order."""

    schedule: str = Field(min_length=1, max_length=LONGEST_NAME)
    """Full name: ``node_report_effect.v1.daily``."""
    action: EnumScheduleAction
    definition: ScheduleDefinition | None = None
    """For ``set``."""


class ScheduleFired(Message, key="schedule"):
    """A command was sent, in the same transaction as this event."""

    schedule: str
    due: datetime
    """Time for which the command is."""
    sent_at: datetime
    fired_by: EnumFiredBy
    topic: str
    command_id: str
    """Id of the command. It follows from the name of the schedule and the due time."""


class ScheduleState(Message):
    """State of the scheduler, one per schedule."""

    definition: ScheduleDefinition
    paused: bool = False
    next_due: datetime | None = None
    """None while the schedule is paused, or has a problem."""
    last_due: datetime | None = None
    """Due time of the last command, or the time at which an operator carried the schedule out."""
    last_id: str = ""
    """Id of the last command."""
    skipped_until: datetime | None = None
    """The latest due time that was skipped after an outage."""
    problem: str = ""
    """Why no due time can be computed. The scheduler tries again every five minutes."""
