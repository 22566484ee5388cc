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
_FARTHEST = 41 * 366
"""Days. A 29th of February that is a certain weekday comes again after forty years at most."""


def next_after(times: CronTimes, zone: tzinfo, after: datetime) -> datetime | None:
    """Return the first moment after ``after``, in UTC; None when the calendar of the machine ends before it."""
    try:
        today = after.astimezone(zone).date()
        day = today - _DAY
        for _ in range(_FARTHEST):
            moments = _near(times, zone, day) if day >= today or _is_moved(zone, day) else ()
            if later := [moment for moment in moments if moment > after]:
                return min(later)
            day += _DAY
    except OverflowError:
        return None
    return None


def latest_until(times: CronTimes, zone: tzinfo, since: datetime, until: datetime, most: int) -> list[datetime]:
    """Return the latest moments from ``since`` to ``until``, both included: at most this many, the earliest first."""
    found: set[datetime] = set()
    day, first = until.astimezone(zone).date(), since.astimezone(zone).date() - _DAY
    while day >= first and len(found) < most:
        found.update(moment for moment in _near(times, zone, day) if since <= moment <= until)
        day -= _DAY
    if _is_moved(zone, day):  # its latest times come after the earliest of the next date
        found.update(moment for moment in _near(times, zone, day) if since <= moment <= until)
    return sorted(found)[-most:]


def _near(times: CronTimes, zone: tzinfo, day: date) -> Iterator[datetime]:
    """Yield the moments of a date, and of the next one where clocks are moved: they may come before those."""
    yield from _moments(times, zone, day)
    if _is_moved(zone, day):
        yield from _moments(times, zone, day + _DAY)


def _is_moved(zone: tzinfo, day: date) -> bool:
    """Whether clocks are moved on a date."""
    midnights = (datetime.combine(midnight, time(), zone) for midnight in (day, day + _DAY))
    return len({midnight.utcoffset() for midnight in midnights}) > 1


def _moments(times: CronTimes, zone: tzinfo, day: date) -> Iterator[datetime]:
    """Yield the moments of a date in UTC. They may repeat."""
    if not times.matches(day):
        return
    for hour in times.hours:
        for minute in times.minutes:
            local = datetime.combine(day, time(hour, minute), zone)
            first = local.astimezone(UTC)
            if not times.every_hour:
                yield first
            elif _shows(first, zone, local):
                yield first
                yield local.replace(fold=1).astimezone(UTC)


def _shows(moment: datetime, zone: tzinfo, local: datetime) -> bool:
    """Whether a clock in the zone shows this local time at the moment. It shows no time that clocks skip."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0) == local.replace(tzinfo=None)
