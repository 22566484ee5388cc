"""Schedules: what a contract declares, how the scheduler stores it, and when it is due."""

from onex.model.enums import EnumAfterOutage
from onex.schedules.command import (
    CommandText,
    ScheduledCommand,
    check_definition,
    command_of,
    due_ms_of,
    due_of,
    require_command_topic,
)
from onex.schedules.messages import (
    ChangeSchedule,
    EnumFiredBy,
    EnumScheduleAction,
    ScheduleDefinition,
    ScheduleFired,
    ScheduleState,
)
from onex.schedules.recurrence import Recurrence, recurrence_of

__all__ = [
    "ChangeSchedule",
    "CommandText",
    "EnumAfterOutage",
    "EnumFiredBy",
    "EnumScheduleAction",
    "Recurrence",
    "ScheduleDefinition",
    "ScheduleFired",
    "ScheduleState",
    "ScheduledCommand",
    "check_definition",
    "command_of",
    "due_ms_of",
    "due_of",
    "recurrence_of",
    "require_command_topic",
]
