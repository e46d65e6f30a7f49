"""Two ways to the same figures: sums of the workers' buckets, and every case judged anew as of a moment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from consumers.clickhouse import Client
from consumers.coverage import SCOPES, CompleteThrough, Judged, coverage_row, coverage_rows, names_of, ratio
from consumers.coverage_sql import COUNTS, OF_YEARS, live_sql, live_years_sql
from consumers.windows import Window, parse_window
from streams.contracts import CASE_STATE, COVERAGE_PARTIAL, UNIT_REGISTRY
from streams.domain.coverage import apply, contributions
from streams.domain.reference import Units
from streams.domain.time import DAY_MS, HOUR_MS
from tests.consumers.outputs import archive, case_state, store_rows
from tests.consumers.then import NOBODY

pytestmark = pytest.mark.clickhouse

NOW = round(dt.datetime.fromisoformat("2018-12-31T18:30:00+08:00").timestamp() * 1000)
GRACE_MS = 24 * HOUR_MS
UNITS, ITEMS = ("U1", "U2", "U3"), ("许可-00385-001", "许可-00385-000", "其他-00001-000", "奇怪")
ago = st.integers(0, 400 * DAY_MS) | st.integers(0, 2 * DAY_MS)


def place(unit: str, item: str) -> dict[str, Any]:
    """Unit and item with all that follows from them."""
    type_ = item[:2] if "-" in item else ""
    main = item[:-3] + "000" if type_ else item
    return {"unit_code": unit, "district_code": f"3301{unit[1]}0", "item_code": item, "main_item_code": main, "item_type": type_}


places = st.builds(place, st.sampled_from(UNITS), st.sampled_from(ITEMS))


@st.composite
def archives(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Archive numbers, none in the future."""
    found = []
    for number in range(draw(st.integers(0, 3))):
        accepted = draw(st.none() | ago.map(lambda back: NOW - back))
        refused = draw(st.none() | ago.map(lambda back: NOW - back))
        found.append(archive(f"A{number}", accepted_at=accepted, refused_at=refused, **draw(places)))
    return found


@st.composite
def states(draw: st.DrawFn) -> dict[str, Any]:
    """A state as the domain would give it at NOW, everything due then having fired."""
    own, held = draw(places), draw(archives())
    received = min((a["accepted_at"] for a in held if a["accepted_at"] is not None), default=None)
    state: dict[str, Any] = {**own, "archives": held, "received_at": received, "due_passed": False, "reason": "", "delay_ms": None}
    state["flags"] = []
    if draw(st.integers(0, 4)) == 0:
        orphan = received is not None and received + GRACE_MS <= NOW
        first = next((a for a in held if a["accepted_at"] == received), own)
        state |= {name: first[name] for name in own}
        return state | {"closed_at": None, "due_at": None, "status": "ORPHAN" if orphan else "NOT_CLOSED"}
    closed = NOW - draw(ago)
    due = closed + draw(st.integers(0, 5 * DAY_MS))
    state |= {"closed_at": closed, "due_at": due}
    if draw(st.integers(0, 4)) == 0:
        return state | {"status": "EXCLUDED", "reason": draw(st.sampled_from(["VOIDED", "DELETED", "TEST_CASE"]))}
    silent = draw(st.booleans())
    state["due_passed"] = due <= NOW and not (silent and received is None)
    if received is not None:
        return state | {"status": "ARCHIVED" if received <= due else "ARCHIVED_LATE", "due_passed": due <= NOW}
    return state | {"status": "UNARCHIVED" if due <= NOW and not silent else "AWAITING"}


def store(client: Client, cases: Iterable[dict[str, Any]]) -> None:
    """Put states, and the buckets that the domain's fold makes of them, into the tables."""
    client.command("TRUNCATE TABLE case_state")
    client.command("TRUNCATE TABLE coverage_partial")
    buckets: dict[Any, dict[str, Any]] = {}
    records = []
    for number, case in enumerate(cases):
        records.append(case_state(number) | case | {"case_no": f"case-{number}"})
        for bucket, name in contributions(case):
            buckets[number % 2, bucket] = apply(buckets.get((number % 2, bucket)), number % 2, bucket, {name: 1})
    store_rows(client, CASE_STATE, records)
    store_rows(client, COVERAGE_PARTIAL, buckets.values())


@pytest.mark.parametrize("text", ["1h", "24h", "7d", "30d", "ytd", "2017-12-01..2018-03-31", "2018-12-31..2019-06-30"])
def test_windows_end_at_now_or_their_last_day(text: str) -> None:
    """No window reaches beyond now; those of days begin at midnight in Asia/Shanghai, those of hours on the hour."""
    window = parse_window(text, NOW)
    assert window.start_ms < window.end_ms <= NOW + 1
    assert window.start_ms % HOUR_MS == 0
    assert text.endswith("h") or (window.start_ms + 8 * HOUR_MS) % DAY_MS == 0


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(cases=st.lists(states(), max_size=25), text=st.sampled_from(["1h", "24h", "7d", "30d", "ytd", "2017-01-01..2018-12-30"]))
def test_live_figures_are_those_as_of_now(client: Client, cases: list[dict[str, Any]], text: str) -> None:
    """For any cases, in every scope and window, the sums of buckets and the judgement of each case agree."""
    store(client, cases)
    window = parse_window(text, NOW)
    for by in SCOPES:
        live = coverage_rows(client, by, window, now_ms=NOW)  # type: ignore[arg-type]
        judged = coverage_rows(client, by, window, now_ms=NOW, as_of=Judged(NOW, GRACE_MS, NOBODY))  # type: ignore[arg-type]
        assert live == judged
        assert all(row["closed"] == row["archived"] + row["unarchived"] + row["awaiting"] for row in live)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    cases=st.lists(states(), max_size=25),
    now_ms=st.integers(0, 500 * DAY_MS).map(lambda back: NOW - back),
    text=st.sampled_from(["ytd", "2017-01-01..2017-12-31", "2017-01-01..2018-12-31", "2018-01-01..2018-07-01"]),
)
def test_buckets_of_years_say_what_those_of_hours_say(client: Client, cases: list[dict[str, Any]], now_ms: int, text: str) -> None:
    """Of every scope that they have, whatever lies ahead of the moment at which the window ends."""
    assume(text == "ytd" or now_ms >= NOW - 364 * DAY_MS)
    store(client, cases)
    window = parse_window(text, now_ms)
    bound = {"start": window.start_ms, "end": window.end_ms, "until": window.year_end_ms}
    for by in sorted(OF_YEARS):
        hours, years = (
            {row.pop("scope"): coverage_row({"scope": "", **row}, "") for row in client.query(sql(by), parameters=bound).named_results()}
            for sql in (live_sql, live_years_sql)
        )
        assert years == hours


def all_time(now_ms: int) -> Window:
    """Everything until a moment."""
    return Window(0, now_ms + 1)


def city_as_of(client: Client, now_ms: int) -> dict[str, Any]:
    """The city's row at a moment."""
    return coverage_rows(client, "city", all_time(now_ms), now_ms=now_ms, as_of=Judged(now_ms, GRACE_MS, NOBODY))[0]


def test_as_of_a_moment_later_events_are_unknown(client: Client) -> None:
    """One case, told at each stage of its life: before closing, before due, after due, after the late archive."""
    closed, due, received = NOW - 10 * DAY_MS, NOW - 7 * DAY_MS, NOW - 2 * DAY_MS
    late = {
        **place("U1", ITEMS[0]),
        "closed_at": closed,
        "due_at": due,
        "received_at": received,
        "due_passed": True,
        "reason": "",
        "flags": [],
    }
    held = archive("A", accepted_at=received, refused_at=due + 1, **place("U1", ITEMS[0]))
    store(client, [late | {"status": "ARCHIVED_LATE", "archives": [held]}])
    assert city_as_of(client, closed - 1)["closed"] == 0
    assert city_as_of(client, due - 1)["awaiting"] == 1
    assert city_as_of(client, due)["unarchived"] == 1
    assert city_as_of(client, due)["refused"] == 0
    at_refusal = city_as_of(client, due + 1)
    assert (at_refusal["refused"], at_refusal["due"], at_refusal["coverage_due"]) == (1, 1, 0.0)
    assert city_as_of(client, received)["archived_late"] == 1
    assert city_as_of(client, received)["official"] == 1.0


def test_an_archive_before_its_closing_was_an_orphan_then(client: Client) -> None:
    """An archive without a closing known at the time is an orphan once the grace is over, in the archive's unit."""
    received, closed = NOW - 10 * DAY_MS, NOW - 5 * DAY_MS
    early = {
        **place("U1", ITEMS[0]),
        "closed_at": closed,
        "due_at": NOW,
        "received_at": received,
        "due_passed": True,
        "reason": "",
        "flags": [],
    }
    held = archive("A", accepted_at=received, **place("U2", ITEMS[0]))
    store(client, [early | {"status": "ARCHIVED", "archives": [held]}])
    assert city_as_of(client, received + GRACE_MS - 1)["orphan"] == 0
    then = received + GRACE_MS
    rows = coverage_rows(client, "unit", all_time(then), now_ms=then, as_of=Judged(then, GRACE_MS, NOBODY))
    assert [(row["scope"], row["orphan"]) for row in rows] == [("U2", 1)]
    assert city_as_of(client, closed)["orphan"] == 0


@pytest.mark.parametrize(("source", "is_silent"), [("", False), ("told", False), ("silent", True), ("of closings", False)])
def test_ahead_of_the_clock_what_falls_due_until_then_has_fallen_due_unless_its_source_is_silent(
    client: Client, source: str, is_silent: bool
) -> None:
    """Today it waits, and an archive without a closing is in its grace; a moment that has come already adds nothing to what was read."""
    due, received = NOW + 3 * DAY_MS, NOW - DAY_MS // 2
    waiting = {**place("U1", ITEMS[0]), "closed_at": NOW, "due_at": due, "received_at": None, "status": "AWAITING", "archives": []}
    given = {"due_passed": False, "reason": "", "flags": [], "source_system": source}
    held = archive("A", accepted_at=received, **place("U2", ITEMS[0]))
    early = {
        **place("U2", ITEMS[0]),
        "closed_at": None,
        "due_at": None,
        "received_at": received,
        "status": "NOT_CLOSED",
        "archives": [held],
    }
    store(client, [waiting | given, early | given])
    then = NOW + 10 * DAY_MS
    closings, archives_ = {"told": then, "silent": received}, {"told": due, "silent": due - 1}
    (row,) = coverage_rows(
        client,
        "city",
        all_time(then),
        now_ms=then,
        as_of=Judged(then, GRACE_MS, CompleteThrough(closings | {"of closings": then}, archives_), ahead=True),
    )
    assert (row["awaiting"], row["unarchived"], row["due"]) == (is_silent, not is_silent, 1)
    assert row["orphan"] == (not is_silent)
    lagging = city_as_of(client, then)
    assert (lagging["awaiting"], lagging["unarchived"], lagging["due"], lagging["orphan"]) == (1, 0, 0, 0)


def called(client: Client, by: str, now_ms: int = NOW) -> dict[str, str]:
    """Names of what has a row in coverage."""
    rows = coverage_rows(client, by, all_time(now_ms), now_ms=now_ms)  # type: ignore[arg-type]
    return {row["scope"]: row["name"] for row in rows}


def registered(unit: str, name: str, district: str, **given: Any) -> dict[str, Any]:
    """A row of the registry of units."""
    row = {"event_id": f"{unit} {name}", "unit_code": unit, "unit_name": name, "district_code": district, "district_name": ""}
    return {**row, "revision": 1, "deleted": False, "valid_from": None, "valid_to": None, **given}


def orphan(unit: str, district: str) -> dict[str, Any]:
    """An archive without a case."""
    at = {**place(unit, ITEMS[0]), "district_code": district}
    held = archive("A", accepted_at=NOW - 5 * DAY_MS, **at)
    told = {"closed_at": None, "due_at": None, "received_at": NOW - 5 * DAY_MS, "status": "ORPHAN", "archives": [held]}
    return {**at, **told, "unit_name": "", "flags": [], "reason": "", "due_passed": False}


def test_a_unit_and_its_district_are_called_as_the_registry_has_them_today(client: Client) -> None:
    """Whatever cases say, and though there be none; a district of no row as it always was, one that nobody names not at all."""
    store(client, [orphan("U1", "330199"), orphan("U2", "330106"), orphan("U3", "330198")])
    day = NOW // DAY_MS
    rows = [
        registered("U1", "旧名", "330199", valid_to=day - 30, district_name="旧区"),
        registered("U1", "新名", "330199", valid_from=day - 29, district_name="高新区", revision=2),
        registered("U1", "将来的名", "330199", valid_from=day + 30, district_name="将来的区", revision=3),
        registered("U2", "已撤回", "330106", district_name="撤回的区"),
        registered("U2", "", "330106", district_name="", revision=2, deleted=True),
    ]
    store_rows(client, UNIT_REGISTRY, rows)
    assert called(client, "unit") == {"U1": "新名", "U2": "", "U3": ""}
    assert called(client, "district") == {"330199": "高新区", "330106": "西湖区", "330198": ""}
    past = NOW - 31 * DAY_MS
    assert (names_of(client, "unit", past)["U1"], names_of(client, "district", past)["330199"]) == ("旧名", "旧区")


@pytest.mark.parametrize("turn", [1, -1])
def test_of_an_event_told_with_two_contents_the_greater_counts_in_whatever_order_they_came(client: Client, turn: int) -> None:
    """As among the workers' own rows: also where the greater holds on other days, and once parts are merged."""
    day = NOW // DAY_MS
    rows = [
        registered("U1", "甲局", "330199", event_id="e1", district_name="甲区"),
        registered("U1", "乙局", "330199", event_id="e1", district_name="乙区"),
        registered("U2", "丙局", "330198", event_id="e2", district_name="a"),
        registered("U2", "丁局", "330198", event_id="e2", district_name="b", valid_to=day - 30),
    ][::turn]
    units = Units()
    for row in rows:
        units.add(row)
    assert (units.name("U1", day), units.name("U2", day), units.name("U2", day - 30)) == ("甲局", "", "丁局")
    for part in rows:
        store_rows(client, UNIT_REGISTRY, [part], [turn * rows.index(part) + 9])
    for _ in range(2):
        assert names_of(client, "unit", NOW) == {"U1": "甲局"}
        assert {"330199": "甲区"}.items() <= (districts := names_of(client, "district", NOW)).items()
        assert "330198" not in districts
        assert names_of(client, "unit", NOW - 31 * DAY_MS)["U2"] == "丁局"
        client.command("OPTIMIZE TABLE unit FINAL")


@pytest.mark.parametrize("versions", [(1, 2, 3), (3, 2, 1), (2, 3, 1)])
def test_a_unit_without_a_row_is_called_as_the_case_says_that_closed_last(client: Client, versions: tuple[int, ...]) -> None:
    """However late the others were judged: offsets of different partitions say nothing about time. Of two at once, the greater name."""
    state = {**place("U1", ITEMS[0]), "flags": [], "reason": "", "due_passed": False}
    closed = {"旧名": NOW - 9 * DAY_MS, "新名": NOW - DAY_MS, "又名": NOW - DAY_MS}
    cases = [
        case_state(number) | state | {"unit_name": name, "item_name": name, "closed_at": at}
        for number, (name, at) in enumerate(closed.items())
    ]
    store_rows(client, CASE_STATE, cases, versions)
    assert names_of(client, "unit", NOW)["U1"] == max("新名", "又名")
    assert names_of(client, "item", NOW)[ITEMS[0]] == max("新名", "又名")


def test_a_name_that_a_case_no_longer_says_names_nothing(client: Client) -> None:
    """Whether or not ClickHouse has merged its rows away: a bulletin issued again would differ by nothing but that."""
    state = {**place("U1", ITEMS[0]), "flags": [], "reason": "", "due_passed": False}
    wrong, right = ({"item_name": "甲证", "closed_at": NOW}, {"item_name": "乙证", "closed_at": NOW - DAY_MS})
    for version, said in enumerate((wrong, right), start=1):
        store_rows(client, CASE_STATE, [case_state(1) | state | said], [version])
    assert names_of(client, "item", NOW)[ITEMS[0]] == "乙证"


def test_no_denominator_no_ratio() -> None:
    """A ratio over nothing is none; more archives than cases are shown as they are."""
    assert ratio(0, 0) is None
    row = coverage_row({"scope": "U1", **dict.fromkeys(COUNTS, 0), "excluded": {}, "official_archived": 3, "official_closed": 2}, "单位")
    assert (row["coverage"], row["coverage_due"], row["divergence"]) == (None, None, None)
    assert row["official"] == 1.5


def test_a_bucket_of_zeros_makes_no_row(client: Client) -> None:
    """A unit that everything was moved away from has no row; the city always has one."""
    store(client, [])
    zeros = {
        "input_partition": 0,
        "granularity": "HOUR",
        "bucket_start": NOW - DAY_MS,
        "due_start": NOW,
        **place("U9", ITEMS[0]),
        "excluded": {"VOIDED": 0},
    }
    store_rows(client, COVERAGE_PARTIAL, [zeros])
    window = parse_window("ytd", NOW)
    assert coverage_rows(client, "unit", window, now_ms=NOW) == []
    city = coverage_rows(client, "city", window, now_ms=NOW)
    assert [(row["scope"], row["closed"], row["coverage"]) for row in city] == [("330100", 0, None)]


def buckets_a_year(client: Client, first: int, last: int, granularity: str = "HOUR") -> None:
    """One insert with a bucket of one archived case in each year."""
    at = "makeDateTime64(number, 3, 1, 0, 0, 0, 0, 3, 'Asia/Shanghai')"
    client.command(
        "INSERT INTO coverage_partial (granularity, bucket_start, due_start, unit_code, archived, version)"  # noqa: S608 - our own words
        f" SELECT '{granularity}', {at}, {at}, 'U1', 1, 1 FROM numbers({first}, {last - first + 1})"
    )


def test_one_insert_takes_dates_of_any_year(client: Client) -> None:
    """However absurd: ClickHouse refuses an insert into more than a hundred partitions, and the sink would stand still."""
    buckets_a_year(client, 1950, 2250)
    assert client.query("SELECT count() FROM coverage_partial FINAL").first_row == (301,)


@pytest.mark.parametrize(("year", "read"), [(2018, 1), (2017, 1), (2020, 0)])
def test_what_is_asked_of_a_year_reads_no_other(client: Client, year: int, read: int) -> None:
    """Neither score nor coverage, though three years lie there."""
    buckets_a_year(client, 2017, 2019)
    buckets_a_year(client, 2017, 2019, "YEAR")
    window = parse_window(f"{year}-01-01..{year}-12-31", NOW + 5 * 366 * DAY_MS)
    asked = {"year": year, "start": window.start_ms, "end": window.end_ms, "until": window.year_end_ms}
    # The score asks twice: for cases, and for the districts that they name.
    for sql, times in (("SELECT * FROM score WHERE year = {year:UInt16}", 2), (live_sql("unit"), 1), (live_years_sql("unit"), 1)):
        estimates = client.query(f"EXPLAIN ESTIMATE {sql}", parameters=asked).named_results()
        assert sum(each["rows"] for each in estimates if each["table"] == "coverage_partial") == read * times
