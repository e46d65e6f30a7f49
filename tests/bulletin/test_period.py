"""Periods and the period before each."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.bulletin.period import Period, parse_period
from streams.errors import ConfigurationError
from streams.settings import instant_ms

DAY = dt.timedelta(days=1)
YEARS = st.integers(1993, 2098)
DATES = st.dates(dt.date(1993, 1, 1), dt.date(2098, 12, 31))
NAMED = st.one_of(
    YEARS.map(str),
    st.builds("{}-Q{}".format, YEARS, st.integers(1, 4)),
    st.builds("{}-{:02}".format, YEARS, st.integers(1, 12)),
    st.builds("{}-W{:02}".format, YEARS, st.integers(1, 52)),
)
SPANS = st.tuples(DATES, DATES).map(sorted).map(lambda days: f"{days[0]}..{days[1]}")


@given(st.one_of(NAMED, SPANS).map(parse_period))
def test_the_period_before_ends_the_day_before(period: Period) -> None:
    """Neither gap nor overlap, whatever the kind of period."""
    assert period.previous().last + DAY == period.first


@given(st.one_of(NAMED, SPANS).map(parse_period))
def test_the_period_before_is_of_the_same_kind(period: Period) -> None:
    """A month is compared to a month, a span to one of as many days; and what it is called is read as itself."""
    before = period.previous()
    assert parse_period(before.text) == before
    assert len(before.text) == len(period.text)
    if ".." in period.text:
        assert before.last - before.first == period.last - period.first


@given(DATES)
def test_every_day_lies_in_one_period_of_each_kind(day: dt.date) -> None:
    """Periods of a kind cover the calendar."""
    year, week, _ = day.isocalendar()
    for text in (f"{day.year}", f"{day.year}-Q{(day.month + 2) // 3}", f"{day.year}-{day.month:02}", f"{year}-W{week:02}"):
        period = parse_period(text)
        assert period.first <= day <= period.last


@pytest.mark.parametrize(
    ("text", "first", "last", "before"),
    [
        ("2018", "2018-01-01", "2018-12-31", "2017"),
        ("2018-Q1", "2018-01-01", "2018-03-31", "2017-Q4"),
        ("2018-03", "2018-03-01", "2018-03-31", "2018-02"),
        ("2016-02", "2016-02-01", "2016-02-29", "2016-01"),
        ("2018-12", "2018-12-01", "2018-12-31", "2018-11"),
        ("2018-W01", "2018-01-01", "2018-01-07", "2017-W52"),
        ("2016-W01", "2016-01-04", "2016-01-10", "2015-W53"),
        ("2018-03-05..2018-03-11", "2018-03-05", "2018-03-11", "2018-02-26..2018-03-04"),
    ],
)
def test_periods_are_the_calendars(text: str, first: str, last: str, before: str) -> None:
    """Leap days, years of 53 weeks, and weeks that begin in another year."""
    period = parse_period(text)
    assert (str(period.first), str(period.last), period.previous().text) == (first, last, before)


@pytest.mark.parametrize(
    "text",
    [
        *("", "18", "0000", "２０１８", "2018 ", "2018\n", "../../etc"),
        *("2018-Q5", "2018-13", "2018-00", "2018-W53", "2018-W00", "2018-1"),
        *("2018-02-30..2018-03-01", "2018-03-02..2018-03-01", "2018-01-01..", "20180101..20180301"),
    ],
)
def test_what_is_no_period_is_refused(text: str) -> None:
    """A period names a folder: nothing but the five forms may pass."""
    with pytest.raises(ConfigurationError):
        parse_period(text)


def test_a_period_that_has_not_ended_ends_now_and_one_to_come_is_refused() -> None:
    """As every window of the coverage figures."""
    now_ms = instant_ms("2018-02-10T12:00:00+08:00")
    assert parse_period("2018-Q1").window(now_ms).end_ms == now_ms + 1
    with pytest.raises(ConfigurationError):
        parse_period("2018-Q2").window(now_ms)
