"""Messages and state of schedules."""

from onex.schedules import ChangeSchedule, ScheduleFired, ScheduleState

__all__ = ["ChangeSchedule", "ScheduleFired", "ScheduleState"]
