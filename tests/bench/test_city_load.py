"""The load of the whole product is that of a city: many units and items, closings and archives, and a known end of each case."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from ops.bench.city_load import CityLoad
from ops.bench.contender import Place
from ops.bench.dataset import DataSet, case_no
from ops.bench.product import settings_of
from streams.contracts import ARCHIVE_RECEIVED, CASE_CLOSED, codec

BULK, CASES = 300, 900
SETTINGS = settings_of(Place("nowhere:1", "run", Path("nowhere"), DataSet("run", CASES, 4)))
LOAD = CityLoad(SETTINGS, BULK)


def test_it_has_many_units_items_and_hours_and_an_archive_with_each_later_closing() -> None:
    """Of the case that was closed as many cases before as there are in the bulk; 3 % get none."""
    sent = [message for number in range(CASES) for message in LOAD.messages(number)]
    closings = [codec(CASE_CLOSED).decode(message.value) for message in sent if message.topic == SETTINGS.topic(CASE_CLOSED)]
    archives = [message for message in sent if message.topic == SETTINGS.topic(ARCHIVE_RECEIVED)]
    assert [each["case_no"] for each in closings] == [case_no(number) for number in range(CASES)]
    assert len({each["unit_code"] for each in closings}) > 10
    assert len({each["item_code"] for each in closings}) > 50
    assert len({each["closed_at"] // 3_600_000 for each in closings}) >= 48
    assert [message.key.decode() for message in archives] == [case_no(number) for number in range(CASES - BULK) if number % 33]
    assert all(message.number >= BULK for message in archives)
    assert sum(bool(codec(ARCHIVE_RECEIVED).decode(message.value)["materials"]) for message in archives) > len(archives) / 2


def test_a_case_is_archived_once_its_archive_was_sent() -> None:
    """Before it waits; a few are of items that need not be archived."""
    before, after = (Counter(LOAD.status(number, cases) for number in range(BULK)) for cases in (BULK, CASES))
    assert before["AWAITING"] > 0.8 * BULK
    assert after["ARCHIVED"] > 0.8 * BULK
    assert set(before) == {"AWAITING", "EXCLUDED"}
    assert before["EXCLUDED"] == after["EXCLUDED"]


def test_it_is_the_same_each_time() -> None:
    """Whoever measures again measures the same."""
    assert LOAD.messages(BULK + 1) == CityLoad(SETTINGS, BULK).messages(BULK + 1)
