"""State and messages of the alarm clock."""

from onex.node import Message


class AlarmState(Message):
    """State: how often it rang."""

    rung: int = 0


class SetAlarm(Message, key="entity"):
    """Ring after ``after`` seconds, ``times`` times; zero times cancels."""

    entity: str
    after: float
    times: int = 1


class Rang(Message, key="entity"):
    """The alarm."""

    entity: str
    number: int
