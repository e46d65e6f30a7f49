"""As of a moment, past or ahead: what is told is what the oracle says of it, which knows no state, no buckets and no findings of today."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumers.clickhouse import Client
from consumers.coverage import Scope, coverage_rows
from consumers.score import score_rows
from consumers.windows import Window
from ops.moment import judged
from streams.contracts import ARCHIVE_RECEIVED, CASE_CLOSED
from streams.domain.reference import Feeds
from streams.domain.time import DAY_MS, HOUR_MS, day_number
from streams.settings import Settings, instant_ms
from tests.agents.test_cases import archive, closing, heartbeat
from tests.agents.test_items import registered
from tests.agents.test_oracle import END_MS, World, told_apart, worlds
from tests.consumers.then import compare_as_of
from tests.oracle.worlds import ms
from tests.strategies import MONDAY_MS

pytestmark = [pytest.mark.clickhouse]

CLOCK_MS = ms("2018-12-31 18:00")
SELF_BUILT = {"build_mode": "SELF_BUILT", "archiving_mode": "ONLINE", "plan_year": 2018}
TABLES = ("case_state", "item", "coverage_partial", "anomaly", "unit")
Row = dict[str, Any]


def world(closings: list[Row], archives: list[Row], **topics: list[Row]) -> World:
    """Events by topic; underscores stand for hyphens."""
    return {CASE_CLOSED: closings, ARCHIVE_RECEIVED: archives, **{topic.replace("_", "-"): rows for topic, rows in topics.items()}}


def closed(at: str, **given: Any) -> Row:
    """The closing of case ``c``."""
    return closing(closed_at=ms(at), accepted_at=ms("2018-02-20 09:00"), **given)


def told(client: Client, events: World, by: Scope, at: str) -> dict[str, Row]:
    """Coverage of all time as of a moment, which is the oracle's in every figure."""
    moment_ms = ms(at)
    (then,) = compare_as_of(client, events, CLOCK_MS, moment_ms)
    rows = coverage_rows(client, by, Window(0, moment_ms + 1), now_ms=moment_ms, as_of=then.moment)
    return {row["scope"]: row for row in rows}


@st.composite
def moments(draw: st.DrawFn) -> int:
    """Mostly before the last event, at times beyond the clock."""
    return MONDAY_MS + draw(st.integers(-1, 24 * 24)) * HOUR_MS + draw(st.sampled_from([0, 17, HOUR_MS - 1]))


@pytest.mark.slow
@pytest.mark.timeout(600)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(events=worlds, asked=st.lists(moments(), min_size=2, max_size=2))
def test_as_of_any_moment_every_figure_is_the_oracles(client: Client, events: World, asked: list[int]) -> None:
    """Whatever was corrected, moved, waived or told late; of two archives that were accepted at once the first is not known then."""
    events = told_apart(events)
    received = events[ARCHIVE_RECEIVED]
    events[ARCHIVE_RECEIVED] = [{**event, "received_at": event["received_at"] + n} for n, event in enumerate(received)]
    for table in TABLES:
        client.command(f"TRUNCATE TABLE {table}")
    compare_as_of(client, events, END_MS, *asked)


def test_a_system_earns_by_no_case_that_had_not_closed(client: Client) -> None:
    """Its archive came before the closing, which is lawful: until then the closing is not known."""
    events = world(
        [closed("2018-07-02 10:00", source_system="oa")],
        [archive(received_at=ms("2018-06-30 15:00"), source_system="oa")],
        item_registry=[registered(**SELF_BUILT)],
    )
    for systems, then in enumerate(compare_as_of(client, events, CLOCK_MS, ms("2018-06-30 23:59"), ms("2018-07-02 10:00"))):
        (row,) = score_rows(client, year=2018, by="unit", now_ms=CLOCK_MS, as_of=then)
        assert (row["systems"], row["bonus"]) == (systems, 5 * systems)


@pytest.mark.slow
def test_a_score_is_told_of_more_units_and_of_longer_case_numbers_than_a_question_holds(client: Client) -> None:
    """ClickHouse reads 262,144 bytes of one. Every unit has its row; those whose cases are at fault earn nothing."""
    number, units = "9" * 4_080, [f"单位'{each:05}" for each in range(140)]
    cases = [(f"{number}{each:05}", unit) for each, unit in enumerate(units)]
    faulty = {unit for _, unit in cases[:70]}
    events = world(
        [closed("2018-03-05 10:00", event_id=f"c{case[-5:]}", case_no=case, unit_code=unit, source_system="oa") for case, unit in cases],
        [
            archive(
                event_id=f"a{case[-5:]}",
                archive_no=f"A-{case[-5:]}",
                case_no=case,
                unit_code=unit,
                source_system="oa",
                received_at=ms("2018-03-06 10:00"),
                title="李四的申请" if unit in faulty else "张三的申请",
            )
            for case, unit in cases
        ],
        item_registry=[registered(**SELF_BUILT, event_id=f"r{unit}", unit_code=unit) for unit in units],
    )
    (then,) = compare_as_of(client, events, CLOCK_MS, ms("2018-06-30 23:59"))
    more = [f"单位'{each:05}" for each in range(140, 6_000)]
    large = replace(then, items=[*then.items, *({**then.items[0], "unit_code": unit} for unit in more)])
    rows = {row["scope"]: row for row in score_rows(client, year=2018, by="unit", now_ms=CLOCK_MS, as_of=large)}
    assert list(rows) == [*units, *more]
    earned = {unit: (rows[unit]["inaccurate"], rows[unit]["bonus"]) for _, unit in cases}
    assert earned == {unit: (1, 0) if unit in faulty else (0, 5) for _, unit in cases}


@pytest.mark.parametrize(("through", "is_silent"), [("2018-03-07 12:00", True), ("2018-03-08 23:59:59.999", False), (None, False)])
def test_a_source_that_is_silent_today_states_no_absence_of_the_past(client: Client, through: str | None, is_silent: bool) -> None:
    """Due at the end of 8 March, archived on the 12th: on the 10th nobody could know that nothing had come."""
    claims = [heartbeat("s", ms(through))] if through else []
    events = world(
        [closed("2018-03-05 10:00", source_system="s")],
        [archive(received_at=ms("2018-03-12 10:00"), source_system="s")],
        feed_heartbeat=claims,
    )
    row = told(client, events, "unit", "2018-03-10 12:00")["U1"]
    assert (row["awaiting"], row["unarchived"], row["due"]) == (is_silent, not is_silent, 1)
    assert told(client, events, "unit", "2018-03-12 10:00")["U1"]["archived_late"] == 1


@pytest.mark.parametrize(("through", "is_silent"), [("2018-03-02 09:00", True), ("2018-03-02 10:00", False)])
def test_an_archive_whose_source_is_silent_about_closings_was_no_orphan(client: Client, through: str, is_silent: bool) -> None:
    """Received on 1 March, closed on the 12th: whether it had no case on the 10th is for its source to say, not for the case's."""
    events = world(
        [closed("2018-03-12 10:00", source_system="told")],
        [archive(received_at=ms("2018-03-01 10:00"), source_system="s")],
        feed_heartbeat=[heartbeat("s", ms(through), CASE_CLOSED), heartbeat("told", CLOCK_MS, CASE_CLOSED)],
    )
    assert told(client, events, "unit", "2018-03-10 12:00")["U1"]["orphan"] == (not is_silent)
    assert told(client, events, "unit", "2018-03-12 10:00")["U1"]["orphan"] == 0


def test_who_closed_nothing_in_a_year_has_no_score_of_it_for_what_fell_due(client: Client) -> None:
    """The last case of the old year falls due in the new one: no 90 points for that."""
    events = world([closed("2018-12-28 10:00")], [])
    (then,) = compare_as_of(client, events, ms("2019-06-01 12:00"), ms("2019-02-01 12:00"), year=2019)
    assert score_rows(client, year=2019, by="unit", now_ms=CLOCK_MS, as_of=then) == []
    assert [row["unarchived"] for row in score_rows(client, year=2018, by="unit", now_ms=CLOCK_MS, as_of=then)] == [1]


REGISTRY = [
    {"event_id": "u1", "district_code": "330103", "valid_to": day_number(dt.date(2018, 4, 8))},
    {"event_id": "u2", "district_code": "330105", "valid_from": day_number(dt.date(2018, 4, 9))},
]


@pytest.mark.parametrize(("registry", "then", "later"), [(REGISTRY, "330103", "330105"), ([], "UNKNOWN", "330106")])
def test_an_archive_was_where_its_unit_was_when_it_came_until_its_case_closed(
    client: Client, registry: list[Row], then: str, later: str
) -> None:
    """The day of a closing that nobody knows places nothing, nor does the district that it names."""
    names = {"revision": 1, "deleted": False, "unit_code": "U1", "unit_name": "卫健委", "district_name": ""}
    events = world(
        [closed("2018-04-12 10:00")],
        [archive(received_at=ms("2018-04-06 10:00"))],
        unit_registry=[{"valid_from": None, "valid_to": None, **names, **row} for row in registry],
    )
    assert list(told(client, events, "district", "2018-04-06 12:00")) == [then]
    assert {scope: row["orphan"] for scope, row in told(client, events, "district", "2018-04-08 12:00").items()} == {then: 1}
    assert {scope: row["orphan"] for scope, row in told(client, events, "district", "2018-04-12 10:00").items()} == {later: 0}


@pytest.mark.parametrize("rows", [[{"deleted": True, "revision": 2}], [{"district_code": "", "revision": 2}], [{"revision": 0}]])
def test_the_row_that_counted_on_that_day_says_where_a_unit_was(client: Client, rows: list[Row]) -> None:
    """The highest; if it was taken back or names no district, nobody says."""
    row = {"event_id": "u", "unit_code": "U1", "unit_name": "卫健委", "district_code": "330108", "district_name": ""}
    row |= {"revision": 1, "deleted": False, "valid_from": None, "valid_to": None}
    events = world(
        [closed("2018-04-12 10:00")],
        [archive(received_at=ms("2018-04-06 10:00"))],
        unit_registry=[row, *({**row, "event_id": "v", **given} for given in rows)],
    )
    where = "330108" if rows == [{"revision": 0}] else "UNKNOWN"
    assert list(told(client, events, "district", "2018-04-08 12:00")) == [where]


@pytest.mark.parametrize("at", ["2018-03-10 12:00", "2019-02-01 12:00"])
def test_a_heartbeat_of_nobody_silences_nobody(client: Client, at: str) -> None:
    """Whoever names no source waits for none, whatever comes in the name of none."""
    events = world(
        [closed("2018-03-05 10:00")],
        [archive(received_at=ms("2019-03-12 10:00"))],
        feed_heartbeat=[heartbeat("", ms("2018-03-01 10:00"))],
    )
    assert told(client, events, "unit", at)["U1"]["unarchived"] == 1


def test_how_far_sources_are_is_asked_of_past_moments_and_of_those_ahead() -> None:
    """Ahead of the clock alone all is taken to be read."""
    feeds, clock = Feeds(), "2018-12-17T08:00:00+08:00"
    feeds.add("s", ARCHIVE_RECEIVED, 5, 0)
    told_of = {"archive_sources": ["s"], "archives_through": [5], "closing_sources": [], "closings_through": []}
    for ahead, moment_ms in enumerate((instant_ms(clock), instant_ms(clock) + DAY_MS)):
        bound = judged(Settings(clock=clock), moment_ms, feeds).bound
        assert bound == {"now": moment_ms, "grace": DAY_MS, "ahead": ahead, **told_of}
