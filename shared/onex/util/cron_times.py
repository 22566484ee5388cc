"""The moments at which a cron expression is due in a time zone.

An expression that names hours of a day (``0 6 * * *``) is due once for each local time that it names. When clocks go
forward over that time, it is due as much later as the clocks skip: 02:30 becomes 03:30. When clocks go back over it,
it is due the first time. An expression whose hour begins with ``*`` is due whenever clocks in the zone show a time
that it names: every hour that passes counts, also the one that comes twice.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from onex.util.cron import CronTimes

_DAY = timedelta(days=1)
_YEARS = 41
"""A 29th of February that is a certain weekday comes again after forty years at most."""


def next_after(times: CronTimes, zone: tzinfo, after: datetime) -> datetime | None:
    """Return the first moment after ``after``, in UTC; None when the calendar of the machine ends before it."""
    try:
        today = after.astimezone(zone).date()
        day = today - _DAY
        while day.year <= today.year + _YEARS:
            if day.month not in times.months:
                day = (day.replace(day=1) + 31 * _DAY).replace(day=1)
                continue
            if times.matches(day) and (day >= today or _is_moved(zone, day)):
                firsts = [_first_of(times, zone, each, after) for each in _near(zone, day)]
                if later := [moment for moment in firsts if moment is not None]:
                    return min(later)
            day += _DAY
    except OverflowError:
        return None
    return None


def latest_until(times: CronTimes, zone: tzinfo, since: datetime, until: datetime, most: int) -> list[datetime]:
    """Return the latest moments from ``since`` to ``until``, both included: at most this many, the earliest first."""
    found: set[datetime] = set()
    last, first = until.astimezone(zone).date(), since.astimezone(zone).date() - _DAY
    day = last
    while day >= first and len(found) < most:
        if day == last or times.matches(day):
            for each in _near(zone, day):
                found |= _latest_of(times, zone, each, since, until, most)
        day -= _DAY
    if _is_moved(zone, day):  # its latest times come after the earliest of the next date
        found |= _latest_of(times, zone, day, since, until, most)
    return sorted(found)[-most:]


def _near(zone: tzinfo, day: date) -> list[date]:
    """Return a date, and the next one where clocks are moved: its moments may come before those of the date."""
    return [day, day + _DAY] if _is_moved(zone, day) else [day]


def _is_moved(zone: tzinfo, day: date) -> bool:
    """Whether clocks are moved on a date, or at its end."""
    least, greatest = _offsets(zone, day)
    return least != greatest


def _offsets(zone: tzinfo, day: date) -> tuple[timedelta, timedelta]:
    """Return the least and the greatest offset from UTC that a local time of a date may have."""
    end = datetime.combine(day + _DAY, time(), zone)
    moments = (datetime.combine(day, time(), zone), end, end.replace(fold=1))
    offsets = [moment.utcoffset() or timedelta() for moment in moments]
    return min(offsets), max(offsets)


def _first_of(times: CronTimes, zone: tzinfo, day: date, after: datetime) -> datetime | None:
    """Return the first moment of a date that is later than ``after``; None when the date has none.

    A moment is computed only for local times that can be the first one.
    """
    if not times.matches(day):
        return None
    least, greatest = _offsets(zone, day)
    first: datetime | None = None
    for local in _after(times, day, _shown(after, least)):
        if first is not None and local.replace(tzinfo=UTC) - greatest >= first:
            break
        later = [moment for moment in _moments(times, zone, local) if moment > after]
        first = min(later if first is None else [first, *later], default=None)
    return first


def _latest_of(
    times: CronTimes, zone: tzinfo, day: date, since: datetime, until: datetime, most: int
) -> set[datetime]:
    """Return at least the latest ``most`` moments of a date that are not before ``since`` and not after ``until``."""
    found: set[datetime] = set()
    if not times.matches(day):
        return found
    least, greatest = _offsets(zone, day)
    for local in _until(times, day, _shown(until, greatest)):
        is_complete = least == greatest and len(found) >= most
        if is_complete or local.replace(tzinfo=UTC) - least < since:
            break
        found.update(moment for moment in _moments(times, zone, local) if since <= moment <= until)
    return found


def _shown(moment: datetime, offset: timedelta) -> datetime:
    """Return the time that clocks with an offset from UTC show at a moment."""
    return (moment.astimezone(UTC) + offset).replace(tzinfo=None)


def _after(times: CronTimes, day: date, passed: datetime) -> Iterator[datetime]:
    """Yield the local times of a date that are later than ``passed``."""
    first_hour = passed.hour if passed.date() == day else 0 if passed.date() < day else 24
    for hour in times.hours:
        if hour >= first_hour:
            local_times = (datetime.combine(day, time(hour, minute)) for minute in times.minutes)
            yield from (local for local in local_times if local > passed)


def _until(times: CronTimes, day: date, end: datetime) -> Iterator[datetime]:
    """Yield the local times of a date up to ``end``, the latest first."""
    last_hour = end.hour if end.date() == day else -1 if end.date() < day else 23
    for hour in reversed(times.hours):
        if hour <= last_hour:
            local_times = (datetime.combine(day, time(hour, minute)) for minute in reversed(times.minutes))
            yield from (local for local in local_times if local <= end)


def _moments(times: CronTimes, zone: tzinfo, shown: datetime) -> Iterator[datetime]:
    """Yield the moments in UTC that a local time means."""
    local = shown.replace(tzinfo=zone)
    first = local.astimezone(UTC)
    if not times.every_hour:
        yield first
    elif _shows(first, zone, shown):
        yield first
        yield local.replace(fold=1).astimezone(UTC)


def _shows(moment: datetime, zone: tzinfo, local: datetime) -> bool:
    """Whether a clock in the zone shows this local time at the moment. It shows no time that clocks skip."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0) == local
