"""When a schedule is due next, and which of its due times are carried out after an outage."""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from onex.model.enums import EnumAfterOutage
from onex.util.cron import CronTimes, parse_cron
from onex.util.cron_times import latest_until, next_after
from onex.util.zones import zone_of

MOST_AFTER_OUTAGE = 100
"""Due times that are carried out together, with ``run_all``."""


@dataclass(frozen=True, slots=True)
class Recurrence:
    """The due times of a schedule."""

    times: CronTimes
    zone: tzinfo

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the first due time after a moment, in UTC; None when the calendar ends before it."""
        return next_after(self.times, self.zone, moment)

    def to_carry_out(
        self, since: datetime, now: datetime, after_outage: EnumAfterOutage, late_after: float
    ) -> tuple[list[datetime], datetime | None]:
        """Return the due times from ``since`` to ``now`` to carry out, and the latest of those that are skipped.

        With ``run_all`` the earliest of more than 100 due times are skipped.
        """
        most = MOST_AFTER_OUTAGE if after_outage is EnumAfterOutage.RUN_ALL else 1
        latest = latest_until(self.times, self.zone, since, now, most + 1)
        chosen = latest[-most:]
        if after_outage is EnumAfterOutage.SKIP:
            chosen = [due for due in chosen if now - due <= timedelta(seconds=late_after)]
        skipped = [due for due in latest if due not in chosen]
        return chosen, max(skipped, default=None)


def recurrence_of(cron: str, zone: str) -> Recurrence:
    """Return the due times of an expression in a time zone. Raise ValueError, with the remedy."""
    return Recurrence(parse_cron(cron), zone_of(zone))
