"""Cron expressions: which texts are one, and when they are due where clocks are moved."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from typing_extensions import override

from onex.util.cron import LONGEST_CRON, CronTimes, parse_cron
from onex.util.cron_times import latest_until, next_after
from onex.util.zones import zone_of

ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca")
_LIMITS = ((0, 59), (0, 23), (1, 28), (1, 12), (0, 7))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def following(cron: str, zone: str, start: str, count: int) -> list[str]:
    """Return the next moments as clocks in the zone show them."""
    moment, shown = at(start), []
    for _ in range(count):
        found = next_after(parse_cron(cron), zone_of(zone), moment)
        assert found is not None
        assert found > moment
        assert found.tzinfo is UTC
        moment = found
        shown.append(found.astimezone(zone_of(zone)).isoformat(timespec="minutes"))
    return shown


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "0 fields"),
        ("* * * *", "4 fields"),
        ("0 0 6 * * *", "6 fields"),
        ("@daily", "1 fields"),
        ("60 * * * *", "minute '60': 60 is not between 0 and 59"),
        ("* 24 * * *", "hour '24'"),
        ("* * 0 * *", "day '0'"),
        ("* * * 13 *", "month '13'"),
        ("* * * * 8", "weekday '8'"),
        ("*/0 * * * *", "the step is 0"),
        ("5-1 * * * *", "5 comes after 1"),
        ("1,,2 * * * *", "'' is no number"),
        ("*-5 * * * *", "'*' is no number"),
        ("-1 * * * *", "'' is no number"),
        ("1- * * * *", "'' is no number"),
        ("1/ * * * *", "'' is no number"),
        ("** * * * *", "'**' is no number"),
        ("1e1 * * * *", "'1e1' is no number"),
        ("0 6 L * *", "'l' is no number"),
        ("0 6 * * mon#1", "'mon#1' is no number"),
        ("0 6 30 2 *", "never comes"),
        ("0 6 31 4,jun *", "never comes"),
        ("٣ * * * *", "not ASCII"),
        ("0 6 * * *\x00", "is no number"),
        ("1," * 100 + "1 * * * *", f"at most {LONGEST_CRON}"),
        ("9" * 190 + " * * * *", "is no number"),
    ],
)
def test_a_text_that_is_no_expression_is_refused_with_its_field(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match="minute|hour|day|month|weekday|schedule") as refused:
        parse_cron(text)
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("0 6 * JAN-mar Mon,fri", "0 6 * 1-3 1,5"),
        ("0 6 * * 7", "0 6 * * 0"),
        ("0 6 * * fri-sun", "0 6 * * 5,6,0"),
        ("50/5 * * * *", "50,55 * * * *"),
        ("10-20/5 * * * *", "10,15,20 * * * *"),
        ("  0   6 * * *  ", "0 6 * * *"),
        ("*/1 1-1 * * 0-0", "* 1 * * sun"),
    ],
)
def test_names_ranges_and_steps_mean_numbers(text: str, same: str) -> None:
    assert parse_cron(text) == parse_cron(same)


def test_a_day_and_a_weekday_count_each_as_in_crontab() -> None:
    assert following("0 0 13 * fri", "UTC", "2026-02-12T12:00Z", 4) == [
        "2026-02-13T00:00+00:00",
        "2026-02-20T00:00+00:00",
        "2026-02-27T00:00+00:00",
        "2026-03-06T00:00+00:00",
    ]
    assert following("0 0 */13 * fri", "UTC", "2026-02-12T12:00Z", 1) == ["2026-02-27T00:00+00:00"]  # both


def test_a_leap_day_comes_after_four_years_and_around_2100_after_eight() -> None:
    assert following("0 0 29 2 *", "UTC", "2026-01-01T00:00Z", 2)[1] == "2032-02-29T00:00+00:00"
    assert following("0 0 29 2 *", "UTC", "2096-03-01T00:00Z", 1) == ["2104-02-29T00:00+00:00"]
    assert following("0 0 */31 1 mon", "UTC", "2035-01-01T01:00Z", 1) == ["2046-01-01T00:00+00:00"]
    assert next_after(parse_cron("0 0 29 2 *"), UTC, at("9997-01-01T00:00Z")) is None
    assert next_after(parse_cron("* * * * *"), UTC, at("9999-12-31T23:59Z")) is None


def test_a_time_that_clocks_skip_comes_as_much_later() -> None:
    assert following("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00Z", 3) == [
        "2026-03-28T02:30+01:00",
        "2026-03-29T03:30+02:00",
        "2026-03-30T02:30+02:00",
    ]
    # Two texts of the same moment are one moment.
    assert following("30 2,3 29 3 *", "Europe/Berlin", "2026-03-28T12:00Z", 2) == [
        "2026-03-29T03:30+02:00",
        "2027-03-29T02:30+02:00",
    ]
    # Lord Howe Island moves its clocks by half an hour.
    assert following("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00Z", 1) == ["2026-10-04T02:45+11:00"]


def test_a_time_that_comes_twice_counts_once() -> None:
    assert following("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00Z", 2) == [
        "2026-10-25T02:30+02:00",
        "2026-10-26T02:30+01:00",
    ]
    # From between the two: the second one is not due, and the result is later than the start.
    assert following("30 2 * * *", "Europe/Berlin", "2026-10-25T01:00Z", 1) == ["2026-10-26T02:30+01:00"]


def test_every_hour_that_passes_counts_where_the_hour_is_a_star() -> None:
    assert following("30 * * * *", "Europe/Berlin", "2026-10-25T00:00Z", 3) == [
        "2026-10-25T02:30+02:00",
        "2026-10-25T02:30+01:00",
        "2026-10-25T03:30+01:00",
    ]
    assert following("0 */2 * * *", "Europe/Berlin", "2026-03-28T23:30Z", 2) == [
        "2026-03-29T04:00+02:00",
        "2026-03-29T06:00+02:00",
    ]


def test_a_date_that_a_zone_skips_comes_a_day_later() -> None:
    # Samoa had no 30th of December 2011.
    assert following("0 12 30 12 *", "Pacific/Apia", "2011-12-01T00:00Z", 2) == [
        "2011-12-31T12:00+14:00",
        "2012-12-30T12:00+14:00",
    ]
    assert following("0 9 * * *", "Pacific/Apia", "2011-12-29T00:00Z", 3) == [
        "2011-12-29T09:00-10:00",
        "2011-12-31T09:00+14:00",
        "2012-01-01T09:00+14:00",
    ]


def test_times_of_a_date_may_come_after_the_first_of_the_next_one() -> None:
    # Pyongyang skipped the half hour before midnight of the 5th of May 2018.
    assert following("10,45 0,23 * * *", "Asia/Pyongyang", "2018-05-04T14:45Z", 3) == [
        "2018-05-05T00:10+09:00",
        "2018-05-05T00:15+09:00",
        "2018-05-05T00:45+09:00",
    ]
    times, zone, since = parse_cron("10,45 0,23 * * *"), zone_of("Asia/Pyongyang"), at("2018-05-04T14:45Z")
    assert latest_until(times, zone, since, at("2018-05-04T15:20Z"), 1) == [at("2018-05-04T15:15Z")]


def test_the_latest_moments_of_a_time_are_found_from_its_end() -> None:
    times, zone = parse_cron("0 6 * * *"), zone_of("Europe/Berlin")
    since, until = at("2026-01-01T05:00Z"), at("2026-01-05T05:00Z")
    assert len(latest_until(times, zone, since, until, 100)) == 5  # both ends count
    assert latest_until(times, zone, since, until, 2) == [at("2026-01-04T05:00Z"), until]
    assert latest_until(times, zone, since, since - timedelta(minutes=1), 2) == []


class Counting(tzinfo):
    """A zone that counts how often it is asked."""

    def __init__(self, zone: tzinfo) -> None:
        self.zone = zone
        self.count = 0

    @override
    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        self.count += 1
        return self.zone.utcoffset(moment)

    @override
    def fromutc(self, moment: datetime) -> datetime:
        self.count += 1
        return self.zone.fromutc(moment.replace(tzinfo=self.zone)).replace(tzinfo=self)

    @override
    def dst(self, moment: datetime | None) -> timedelta | None:
        return self.zone.dst(moment)

    @override
    def tzname(self, moment: datetime | None) -> str | None:
        return self.zone.tzname(moment)


@pytest.mark.parametrize(
    ("cron", "start", "most"),
    [
        ("* * * * *", "2026-06-10T23:58:30Z", 40),
        ("*/5 * * * *", "2026-06-10T12:00Z", 40),
        ("0 6 1 1 *", "2026-01-01T06:00Z", 100),
        ("0 0 29 2 mon", "2026-01-01T06:00Z", 1500),
        ("* * * * *", "2026-03-29T00:58Z", 800),
        ("* * * * *", "2026-10-25T00:58Z", 800),
    ],
)
def test_the_next_moment_costs_little(cron: str, start: str, most: int) -> None:
    """Other local times of a day are not converted, and dates without a time are passed over."""
    times, zone, moment = parse_cron(cron), Counting(zone_of("Europe/Berlin")), at(start)
    found = next_after(times, zone, moment)
    assert found is not None
    assert latest_until(times, zone, moment, found, 2)[-1] == found
    assert zone.count < most
    assert found == next_after(times, zone.zone, moment)


def _field(limits: tuple[int, int]) -> st.SearchStrategy[str]:
    numbers = st.integers(*limits)
    return st.one_of(
        st.just("*"),
        st.integers(1, limits[1]).map("*/{}".format),
        st.lists(numbers, min_size=1, max_size=3).map(lambda each: ",".join(map(str, each))),
        st.tuples(numbers, numbers).map(sorted).map(lambda ends: f"{ends[0]}-{ends[1]}"),
    )


_CRON = st.tuples(*map(_field, _LIMITS)).map(" ".join)


def _by_minutes(times: CronTimes, zone_name: str, start: datetime, minutes: int) -> Sequence[datetime]:
    """Return the moments of a star hour by looking at the clock each minute."""
    zone, found = zone_of(zone_name), []
    for number in range(1, minutes + 1):
        moment = start + timedelta(minutes=number)
        local = moment.astimezone(zone)
        if times.matches(local.date()) and local.hour in times.hours and local.minute in times.minutes:
            found.append(moment)
    return found


@settings(max_examples=20)
@given(_CRON, st.sampled_from(ZONES), st.datetimes(datetime(2011, 12, 1), datetime(2027, 12, 31)))
@example("*/20 * * * *", "Australia/Lord_Howe", datetime(2026, 4, 4, 14, 0))
@example("*/20 * * * *", "Pacific/Apia", datetime(2011, 12, 30, 9, 50))
@example("*/7 */2 * * *", "Europe/Berlin", datetime(2026, 10, 25, 0, 1))
@example("* * * * *", "America/St_Johns", datetime(2010, 11, 7, 2, 28))
def test_moments_follow_each_other_and_are_those_that_clocks_show(cron: str, zone: str, start: datetime) -> None:
    times, moment = parse_cron(cron), start.replace(second=0, microsecond=0, tzinfo=UTC)
    following: list[datetime] = []
    last = moment
    for _ in range(5):
        found = next_after(times, zone_of(zone), last)
        assert found is not None
        assert found > last
        following.append(found)
        last = found
    assert latest_until(times, zone_of(zone), moment + timedelta(minutes=1), last, 5) == following
    if times.every_hour and last - moment < timedelta(hours=8):
        assert following == _by_minutes(times, zone, moment, round((last - moment) / timedelta(minutes=1)))
    for due in following:
        local = due.astimezone(zone_of(zone))
        offsets = {(local + timedelta(hours=hours)).utcoffset() for hours in (-48, 0)}
        if len(offsets) == 1:  # no clock was moved: the moment shows a time of the expression
            assert times.matches(local.date())
            assert local.hour in times.hours
            assert local.minute in times.minutes


@pytest.mark.parametrize(
    "name",
    ["", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "localtime", "posix/UTC", "right/UTC", "Factory",
     "Europe", "Europe/Berlin\x00", "a" * 65, "Europe/Berlin/", "europe//berlin", "Ü", " UTC"],
)  # fmt: skip
def test_a_name_that_is_no_zone_is_refused_with_a_remedy(name: str) -> None:
    with pytest.raises(ValueError, match="pip install tzdata|name of the IANA database") as refused:
        zone_of(name)
    assert len(str(refused.value)) < 250
