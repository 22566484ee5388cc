"""Cron expressions: five fields, read into sets of numbers. Bounded text, no evaluation."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

LONGEST_CRON = 200
"""Characters of an expression."""
_NUMBER = re.compile(r"[0-9]{1,2}")
_LONGEST_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FORM = 'five fields: minute hour day month weekday, such as "0 6 * * *"'


class _Field(NamedTuple):
    name: str
    first: int
    last: int
    names: Sequence[str] = ()


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("weekday", 0, 7, _WEEKDAYS),
)


@dataclass(frozen=True, slots=True)
class CronTimes:
    """The local times that an expression names."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """ISO numbers: Monday is 1, Sunday is 7."""
    any_of_days: bool
    """Both the day and the weekday are restricted: a date matches when one of them does, as in crontab(5)."""
    every_hour: bool
    """The hour field begins with ``*``: the expression means hours that pass, and not times of a day."""

    def matches(self, day: date) -> bool:
        """Return whether the expression names times on this date."""
        if day.month not in self.months:
            return False
        is_day, is_weekday = day.day in self.days, day.isoweekday() in self.weekdays
        return is_day or is_weekday if self.any_of_days else is_day and is_weekday


def parse_cron(text: str) -> CronTimes:
    """Return the times of an expression of crontab(5): lists, ranges, steps, names of months and weekdays.

    Raise ValueError, with the field, for any other text and for a date that no year has.
    """
    if len(text) > LONGEST_CRON:
        raise ValueError(f"the schedule has {len(text)} characters; at most {LONGEST_CRON}")
    if not text.isascii():
        raise ValueError(f"the schedule {text!r} has characters that are not ASCII; write {_FORM}")
    parts = text.split()
    if len(parts) != len(_FIELDS):
        raise ValueError(f"the schedule {text!r} has {len(parts)} fields; write {_FORM}")
    minutes, hours, days, months, numbers = (
        _parsed(part.lower(), field) for part, field in zip(parts, _FIELDS, strict=True)
    )
    any_of_days = not parts[2].startswith("*") and not parts[4].startswith("*")
    if not any_of_days and not any(min(days) <= _LONGEST_MONTH[month - 1] for month in months):
        raise ValueError(f"the schedule {text!r} never comes: no year has day {min(days)} in such a month")
    weekdays = frozenset(number or 7 for number in numbers)
    return CronTimes(
        tuple(sorted(minutes)),
        tuple(sorted(hours)),
        frozenset(days),
        frozenset(months),
        weekdays,
        any_of_days,
        parts[1].startswith("*"),
    )


def _parsed(text: str, field: _Field) -> set[int]:
    numbers: set[int] = set()
    for item in text.split(","):
        extent, slash, step_text = item.partition("/")
        step = _number(step_text, field, text) if slash else 1
        if step < 1:
            raise ValueError(f"{field.name} {text!r}: the step is 0; use 1 or more")
        start, dash, end = extent.partition("-")
        if extent == "*":
            first, last = field.first, field.last
        else:
            first = _value(start, field, text)
            last = _value(end, field, text) if dash else (field.last if slash else first)
        if field.names is _WEEKDAYS and last == 0 < first:
            last = 7  # fri-sun
        if first > last:
            raise ValueError(f"{field.name} {text!r}: {start} comes after {end}; write two ranges")
        numbers.update(range(first, last + 1, step))
    return numbers


def _value(text: str, field: _Field, whole: str) -> int:
    if text in field.names:
        return field.names.index(text) + (1 if field.names is _MONTHS else 0)
    number = _number(text, field, whole)
    if not field.first <= number <= field.last:
        raise ValueError(f"{field.name} {whole!r}: {number} is not between {field.first} and {field.last}")
    return number


def _number(text: str, field: _Field, whole: str) -> int:
    if _NUMBER.fullmatch(text) is None:
        example = f"{field.first}, {field.first}-{field.last}, */2"
        raise ValueError(f"{field.name} {whole!r}: {text!r} is no number; write, for example, {example}")
    return int(text)
