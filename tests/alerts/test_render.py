"""Alertmanager's configuration is what the template makes of the calendar."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import yaml
from chinese_calendar import constants

from ops.alertmanager.render import SHIPPED, Targets, render
from streams.domain.time import day_number
from streams.holidays import china_calendar
from tests.alerts.rules import ALERTMANAGER

CONFIG: dict[str, Any] = yaml.safe_load(render(SHIPPED["alertmanager.yml"]))
INTERVALS = {interval["name"]: interval["time_intervals"] for interval in CONFIG["time_intervals"]}
LAST = max(constants.holidays).year
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@pytest.mark.parametrize("name", SHIPPED)
def test_the_files_are_those_that_would_be_rendered_now(name: str) -> None:
    """``python -m ops.alertmanager.render --write`` after a change of the template, or of the library with the holidays."""
    assert (ALERTMANAGER / name).read_text(encoding="utf-8") == render(SHIPPED[name])


def covers(interval: dict[str, Any], day: dt.date) -> bool:
    """Whether an interval has a time on a day, read as Alertmanager's documentation says."""
    assert interval["location"] == "Asia/Shanghai"
    within = True
    for first, _, last in (span.partition(":") for span in interval.get("weekdays", ())):
        within &= WEEKDAYS.index(first) <= day.weekday() <= WEEKDAYS.index(last)
    for first, _, last in (span.partition(":") for span in interval.get("days_of_month", ())):
        within &= int(first) <= day.day <= int(last)
    return within and str(day.month) in interval.get("months", [str(day.month)]) and str(day.year) in interval.get("years", [str(day.year)])


def told_on(day: dt.date) -> bool:
    """Whether a ticket is told on a day: in the active interval and in no mute one."""
    route = next(route for route in CONFIG["route"]["routes"] if route["receiver"] == "guidang-ticket")
    active = any(covers(interval, day) for name in route["active_time_intervals"] for interval in INTERVALS[name])
    return active and not any(covers(interval, day) for name in route["mute_time_intervals"] for interval in INTERVALS[name])


def test_tickets_are_told_on_exactly_the_days_that_are_worked() -> None:
    """Holidays, 调休 and all, over the years that are known; Monday to Friday in the year after."""
    first, end = dt.date(LAST - 1, 1, 1), dt.date(LAST + 2, 1, 1)
    days = [first + dt.timedelta(days=number) for number in range((end - first).days)]
    assert [day for day in days if told_on(day) != china_calendar().is_workday(day_number(day))] == []
    assert any(told_on(day) for day in days if day.weekday() == 5)


def test_targets_that_are_given_stand_where_they_belong() -> None:
    """And those that are not leave a receiver that receives nothing."""
    full = yaml.safe_load(render(Targets("http://n/alertmanager", "/run/token", "http://f/", "http://d/")))
    receivers = {receiver["name"]: receiver.get("webhook_configs", []) for receiver in full["receivers"]}
    assert [hook["url"] for hook in receivers["guidang-page"]] == ["http://n/alertmanager"]
    assert receivers["guidang-ticket"][0]["http_config"]["authorization"]["credentials_file"] == "/run/token"
    assert [hook["url"] for hook in receivers["guidang-fallback"]] == ["http://f/"]
    assert [hook["url"] for hook in receivers["guidang-deadman"]] == ["http://d/"]
    assert [receiver for receiver in CONFIG["receivers"] if receiver["name"] == "guidang-deadman"] == [{"name": "guidang-deadman"}]
    assert "http_config" not in str(CONFIG)
