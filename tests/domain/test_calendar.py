"""Due dates by hand: working days with 调休, hours, and days nobody knows yet."""

from __future__ import annotations

import datetime as dt

import pytest

from streams.domain.calendar import WorkCalendar
from streams.domain.policy import Deadline
from streams.domain.time import EARLIEST_MS, LATEST_MS, OFFSET_MS, day_number, iso
from streams.holidays import china_calendar

ZONE = dt.timezone(dt.timedelta(milliseconds=OFFSET_MS))
THREE = Deadline(workdays=3)


def ms(text: str) -> int:
    """A time of Asia/Shanghai."""
    return round(dt.datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp() * 1000)


@pytest.mark.parametrize(
    ("closed", "due"),
    [
        ("2018-06-04T10:00", "2018-06-07"),  # Monday: Tuesday, Wednesday, Thursday
        ("2018-06-04T00:00", "2018-06-07"),  # the hour of closing does not matter
        ("2018-06-04T23:59:59.999", "2018-06-07"),
        ("2018-06-08T17:00", "2018-06-13"),  # Friday: the weekend does not count
        ("2018-06-09T12:00", "2018-06-13"),  # closed on a Saturday: day 1 is Monday
        ("2018-06-14T12:00", "2018-06-20"),  # 端午: 16–18 June off
        ("2018-02-09T12:00", "2018-02-13"),  # Sunday 11 February is worked (调休)
        ("2018-02-14T12:00", "2018-02-24"),  # 春节 15–21 February; Saturday 24 is worked: 22, 23, 24
        ("2018-12-28T12:00", "2019-01-03"),  # Saturday 29 is worked, 30 December to 1 January off
    ],
)
def test_three_workdays_end_with_the_third_workday_after_the_closing_date(closed: str, due: str) -> None:
    """State Council calendar of 2018."""
    found = china_calendar().due(ms(closed), THREE)
    assert iso(found.at_ms) == f"{due}T23:59:59.999+08:00"
    assert not found.provisional


def test_hours_are_calendar_time() -> None:
    """72h over a weekend is 72 hours."""
    assert china_calendar().due(ms("2018-06-08T17:00"), Deadline(hours=72)).at_ms == ms("2018-06-11T17:00")


def test_days_beyond_the_known_calendar_are_monday_to_friday_and_provisional() -> None:
    """The State Council announces a year in the autumn before."""
    found = china_calendar().due(ms("2098-10-01T10:00"), THREE)  # a Wednesday
    assert iso(found.at_ms) == "2098-10-06T23:59:59.999+08:00"
    assert found.provisional


def test_a_calendar_is_named_by_its_days() -> None:
    """A holiday announced later moves due dates: what was judged without it has to be judged again."""
    known = WorkCalendar({17_532}, {17_573}, 17_532, 17_896)
    others = [
        WorkCalendar(set(), {17_573}, 17_532, 17_896),
        WorkCalendar({17_532}, set(), 17_532, 17_896),
        WorkCalendar({17_532}, {17_573}, 17_532, 18_261),
    ]
    assert known.fingerprint == WorkCalendar({17_532}, {17_573}, 17_532, 17_896).fingerprint
    assert len({each.fingerprint for each in (known, *others)}) == 4


@pytest.mark.parametrize("text", ["", "3", "3 days", "0 workdays", "0h", "400 workdays", "-1h", "72 hours"])
def test_what_is_no_deadline_is_refused(text: str) -> None:
    """A typing mistake must not become a policy."""
    with pytest.raises(ValueError, match="not a deadline"):
        Deadline.parse(text)


def test_the_bounds_of_time_are_whole_years_of_shanghai() -> None:
    """1992: since then the zone has been UTC+8."""
    assert (iso(EARLIEST_MS), iso(LATEST_MS)) == ("1992-01-01T00:00:00+08:00", "2100-01-01T00:00:00+08:00")
    assert day_number(dt.date(1970, 1, 1)) == 0


@pytest.mark.parametrize(
    ("time_ms", "shown"), [(10**15, "1000000000000000 ms"), (-(2**63), f"{-(2**63)} ms"), (0, "1970-01-01T08:00:00+08:00")]
)
def test_a_time_that_no_calendar_has_is_shown_as_the_number_that_it_is(time_ms: int, shown: str) -> None:
    """``accepted_at`` may be anything: TIME_INVALID tells of it."""
    assert iso(time_ms) == shown
