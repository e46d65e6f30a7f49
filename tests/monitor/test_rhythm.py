"""How long a source may be silent, on days made by hand: October 2018, with the National Day week (1st to 7th) off and 29th–30th worked."""

from __future__ import annotations

import datetime as dt

import pytest

from ops.monitor.rhythm import LEAST_GAPS, expected_gap_ms
from streams.domain.time import HOUR_MS
from streams.holidays import china_calendar

ZONE = dt.timezone(dt.timedelta(hours=8))
CALENDAR = china_calendar()
MINUTES = 20


def ms(text: str) -> int:
    """Local time to milliseconds."""
    return round(dt.datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp() * 1000)


def office_hours(first: str, last: str, *, without: tuple[str, ...] = ()) -> list[int]:
    """Every twenty minutes from 9 to 17 on the working days between two dates."""
    day, end = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
    found = []
    while day <= end:
        morning = ms(f"{day} 09:00")
        if CALENDAR.is_workday((day - dt.date(1970, 1, 1)).days) and str(day) not in without:
            found += [morning + step * MINUTES * 60_000 for step in range(8 * 60 // MINUTES + 1)]
        day += dt.timedelta(days=1)
    return found


def hours(times: list[int], **given: int) -> float | None:
    """Expected gap after the last of these times, in hours."""
    gap_ms = expected_gap_ms(times, times[-1], CALENDAR, **given)
    return None if gap_ms is None else gap_ms / HOUR_MS


def until(times: list[int], **given: int) -> str:
    """The moment from which silence is suspicious, local time."""
    gap_ms = expected_gap_ms(times, times[-1], CALENDAR, **given)
    assert gap_ms is not None
    return str(dt.datetime.fromtimestamp((times[-1] + gap_ms) / 1000, ZONE))[:16]


def test_a_busy_source_is_missed_after_an_hour_and_a_half_on_a_working_day() -> None:
    """Its longest usual gap is from 17:00 to 9:00, one hour of it worked: half as much again."""
    times = office_hours("2018-10-22", "2018-11-14")
    assert times[-1] == ms("2018-11-14 17:00")
    assert until(times) == "2018-11-15 09:30"  # half an hour on Wednesday, an hour on Thursday
    assert until([*times, ms("2018-11-15 09:00")]) == "2018-11-15 10:30"


def test_a_night_and_a_weekend_are_no_silence() -> None:
    """After Friday 17:00 it is expected on Monday."""
    assert until(office_hours("2018-10-22", "2018-11-16")) == "2018-11-19 09:30"


def test_the_national_day_week_is_no_silence_and_a_worked_sunday_is_a_working_day() -> None:
    """Friday 28 September: the Saturday and Sunday behind it are worked, then come seven days off."""
    assert until(office_hours("2018-09-03", "2018-09-28")) == "2018-09-29 09:30"
    assert until(office_hours("2018-09-03", "2018-09-30")) == "2018-10-08 09:30"


def test_an_outage_in_the_past_does_not_make_the_next_one_welcome() -> None:
    """Three days without a word: the longest gap is left out of account."""
    whole, broken = office_hours("2018-10-22", "2018-11-14"), office_hours("2018-10-22", "2018-11-14", without=("2018-11-05", "2018-11-06"))
    assert len(broken) < len(whole)
    assert hours(broken) == hours(whole)


def test_a_source_that_sends_a_batch_each_night_is_missed_in_the_course_of_the_second_day() -> None:
    """From night to night there is a working day of nine hours; thirteen and a half are allowed."""
    days = (dt.date(2018, 10, 22) + dt.timedelta(days=day) for day in range(24))
    nightly = [ms(f"{day} 23:00") for day in days if day.weekday() < 5]
    assert until(nightly) == "2018-11-16 13:00"


def test_too_few_events_and_too_rare_ones_have_no_rhythm() -> None:
    """Nobody can be woken by what comes once a week."""
    times = office_hours("2018-11-14", "2018-11-14")
    assert hours(times[: LEAST_GAPS + 1]) is not None
    assert hours(times[:LEAST_GAPS]) is None
    assert expected_gap_ms([], ms("2018-11-14 12:00"), CALENDAR) is None
    rare = [
        at
        for day in range(1, 29, 7)
        for at in (ms(f"2018-11-{day:02} 10:00"), ms(f"2018-11-{day:02} 10:30"), ms(f"2018-11-{day:02} 11:00"))
    ]
    assert len(rare) > LEAST_GAPS
    assert hours(rare) is None


def test_a_rhythm_is_that_of_the_last_four_weeks_before_the_last_event() -> None:
    """A year ago it came twice a day; what lies ahead of the last event is left out, too."""
    old = [ms(f"2018-0{month}-{day:02} {hour:02}:00") for month in (3, 4) for day in range(1, 29) for hour in (9, 15)]
    times = office_hours("2018-10-22", "2018-11-14")
    assert hours([*old, *times]) == hours(times)
    assert expected_gap_ms([*times, ms("2019-06-01 10:00")], times[-1], CALENDAR) == expected_gap_ms(times, times[-1], CALENDAR)


@pytest.mark.parametrize(("delay_minutes", "moment"), [(0, "2018-11-14 12:15"), (30, "2018-11-14 12:45")])
def test_a_heartbeat_every_minute_is_missed_after_a_quarter_of_an_hour_behind_its_usual_delay(delay_minutes: int, moment: str) -> None:
    """The floor is the caller's; a source that always claims half an hour ago is not late for that."""
    times = [ms("2018-11-14 10:00") + minute * 60_000 for minute in range(121)]
    assert until(times, floor_ms=15 * 60_000, delay_ms=delay_minutes * 60_000) == moment


def test_a_source_heard_of_at_a_weekend_is_waited_for_until_monday() -> None:
    """A batch that is loaded on a Saturday, with a rhythm of minutes."""
    times = [ms("2018-11-17 10:00") + minute * 600_000 for minute in range(30)]
    assert until(times) == "2018-11-19 09:30"
