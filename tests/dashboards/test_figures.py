"""Every question to ClickHouse runs as the read-only user, and gives what the command line gives."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

import pytest

from consumers.anomalies import anomaly_rows
from consumers.coverage import coverage_rows
from consumers.score import score_rows
from consumers.windows import Window
from dashboards.model import Panel, Sql
from dashboards.panels import DASHBOARDS
from dashboards.panels.shared import ENOUGH_DUE
from streams.domain.rules import MISCONFIGURED_TOPIC, QUALITY_TOPIC, Cost, kinds_of, kinds_told_on
from streams.domain.time import DAY_MS, HOUR_MS, day_of, day_start_ms
from streams.settings import instant_ms
from tests.agents.test_items import ITEM
from tests.dashboards.conftest import OUTSIDE, YEAR, World

pytestmark = pytest.mark.clickhouse

ALL = dict.fromkeys(("district", "unit", "type", "item", "case"), "")
Row = dict[str, Any]


def ask(world: World, query: Sql, **chosen: str) -> list[Row]:
    """Rows of a question for the whole year."""
    bound = {**ALL, "from_ms": world.window.start_ms, "to_ms": world.now_ms, **chosen}
    return [dict(row) for row in world.reader.query(query.text, parameters=bound).named_results()]


def panel_of(uid: str, key: str) -> Panel:
    """A panel by its address."""
    (panel,) = [panel for board in DASHBOARDS if board.uid == uid for panel in board.panels if panel.key == key]
    return panel


def rows(world: World, uid: str, key: str, **chosen: str) -> list[Row]:
    """Rows of a panel."""
    (query,) = panel_of(uid, key).queries
    assert isinstance(query, Sql)
    return ask(world, query, **chosen)


@lru_cache(maxsize=1)
def worst_unit(world: World) -> str:
    """First of the ranking."""
    return str(rows(world, "guidang-city", "units")[0]["unit_code"])


@lru_cache(maxsize=1)
def refused_case(world: World) -> str:
    """The first one that was refused."""
    return str(rows(world, "guidang-quality", "refused")[0]["case_no"])


def questions() -> Iterator[Any]:
    """Every SQL there is, of panels, variables and annotations; what several dashboards share is asked once."""
    shared: set[str] = set()
    for board in DASHBOARDS:
        of_panels = ((panel.key, query, panel) for panel in board.panels for query in panel.queries)
        of_variables = ((variable.name, variable.options, None) for variable in board.variables)
        of_annotations = ((annotation.key, annotation.query, None) for annotation in board.annotations)
        for key, query, panel in (*of_panels, *of_variables, *of_annotations):
            if isinstance(query, Sql) and query.text not in shared:
                shared.add(query.text)
                yield pytest.param(query, panel, id=f"{board.uid}-{key}")


@pytest.mark.parametrize(("query", "panel"), list(questions()))
def test_a_question_is_answered_with_the_columns_that_are_drawn_for_everything_and_for_one(
    world: World, query: Sql, panel: Panel | None
) -> None:
    """For 全部 with rows, for one unit, one item and one case without an error."""
    found = ask(world, query, case=refused_case(world))
    assert found
    for column in panel.columns if panel else ():
        assert column.name in found[0]
        if column.link:
            assert {column.link.key, *(key for _, key in column.link.also)} <= found[0].keys()
    unit = worst_unit(world)
    for chosen in (
        {"unit": unit},
        {"district": "330106"},
        {"type": "许可"},
        {"unit": unit, "item": "许可-00001-000"},
        {"unit": "没有'的\\"},
    ):
        ask(world, query, **chosen)


RATIO_NAMES = ("closed", "archived", "archived_late", "unarchived", "awaiting", "refused", "orphan", "due")
CLI_NAMES = (*RATIO_NAMES, "coverage", "coverage_due", "official", "divergence")


def told(world: World, by: Any) -> dict[str, Row]:
    """What ``guidang coverage`` says, by scope."""
    found = coverage_rows(world.reader, by, world.window, now_ms=world.now_ms)
    return {row["scope"]: row for row in found}


def same(row: Row, other: Row) -> bool:
    """Whether two rows have the same figures."""
    return [row[name] for name in CLI_NAMES] == pytest.approx([other[name] for name in CLI_NAMES])


@pytest.mark.parametrize(
    ("uid", "key", "by"),
    [("guidang-city", "units", "unit"), ("guidang-city", "districts", "district"), ("guidang-unit", "types", "type")],
)
def test_coverage_is_that_of_the_command_line(world: World, uid: str, key: str, by: str) -> None:
    """Every row of it, each figure and each ratio."""
    expected = told(world, by)
    found = rows(world, uid, key)
    scopes = [row.get("scope", row.get("name")) for row in found]
    assert len(expected) > 2
    assert sorted(scopes) == sorted(scope or "八类之外" for scope in expected)
    for scope, row in zip(scopes, found, strict=True):
        assert same(row, expected["" if scope == "八类之外" else scope]), scope
    if by == "unit":
        names = {scope: row["name"] or scope for scope, row in expected.items()}
        assert {row["scope"]: row["name"] for row in found} == names


def test_the_city_and_one_unit_and_one_district_have_their_own_figures(world: World) -> None:
    """On the row of figures, which every dashboard begins with."""
    (city,) = told(world, "city").values()
    (found,) = rows(world, "guidang-city", "counts")
    assert city["unarchived"] > 0
    assert same(found, city)
    for variable, by in (("unit", "unit"), ("district", "district")):
        for code, row in told(world, by).items():
            (found,) = rows(world, "guidang-unit", "ratios", **{variable: code})
            assert same(found, row), code


def test_items_add_up_to_those_of_the_command_line(world: World) -> None:
    """An item has a row for each unit, and the unarchived ones are first."""
    found = rows(world, "guidang-unit", "items")
    assert [row["unarchived"] for row in found] == sorted((row["unarchived"] for row in found), reverse=True)
    for item, row in told(world, "item").items():
        of_units = [each for each in found if each["item_code"] == item]
        assert {name: sum(each[name] for each in of_units) for name in RATIO_NAMES} == {name: row[name] for name in RATIO_NAMES}
    unit = worst_unit(world)
    assert {row["unit_code"] for row in rows(world, "guidang-unit", "items", unit=unit)} == {unit}


def test_the_worst_unit_with_enough_due_cases_is_first_and_those_without_a_ratio_last(world: World) -> None:
    """In the order of ``coverage_due``; a unit that misses its only case does not hide one that misses seventy."""
    units = rows(world, "guidang-city", "units")

    def place(row: Any) -> tuple[Any, ...]:
        return row["due"] < ENOUGH_DUE, row["coverage_due"] is None, row["coverage_due"] or 0, -row["unarchived"], row["scope"]

    assert units == sorted(units, key=place)
    assert {row["due"] >= ENOUGH_DUE for row in units} == {True, False}


def test_days_add_up_to_the_year(world: World) -> None:
    """No day is left out, and those without cases are zero in the counts and empty in the ratios."""
    days = rows(world, "guidang-city", "trend")
    (city,) = told(world, "city").values()
    for name in RATIO_NAMES:
        assert sum(day[name] for day in days) == city[name]
    assert len({day["time"] for day in days}) == (days[-1]["time"] - days[0]["time"]).days + 1
    ratios = rows(world, "guidang-city", "ratio-trend")
    assert any(day["closed"] == 0 and day["coverage"] is None for day in ratios) or len(ratios) < len(days)
    day = max(ratios, key=lambda row: row["closed"])
    start_ms = int(day["time"].timestamp() * 1000)
    (expected,) = coverage_rows(world.reader, "city", Window(start_ms, start_ms + DAY_MS), now_ms=world.now_ms)
    assert same(day, expected)


def test_a_range_that_begins_within_a_day_begins_with_it(world: World) -> None:
    """As the windows of days do on the command line."""
    start_ms = day_start_ms(day_of(world.now_ms)) - 30 * DAY_MS
    (expected,) = coverage_rows(world.reader, "city", Window(start_ms, world.now_ms + 1), now_ms=world.now_ms)
    (query,) = panel_of("guidang-city", "counts").queries
    assert isinstance(query, Sql)
    bound = {**ALL, "from_ms": start_ms + 5 * HOUR_MS, "to_ms": world.now_ms}
    (found,) = world.reader.query(query.text, parameters=bound).named_results()
    assert same(found, expected)


def test_the_score_is_that_of_the_command_line(world: World) -> None:
    """Every part of every unit and district, the lowest first; a unit by itself, and those of a district."""
    names = (
        "completeness",
        "quality",
        "bonus",
        "total",
        "total_by_case",
        "config_errors",
        "unconfigured",
        "unarchived",
        "closed",
        "systems",
    )
    for by, key in (("unit", "unit-score"), ("district", "district-score")):
        expected = {row["scope"]: row for row in score_rows(world.reader, year=YEAR, by=by, now_ms=world.now_ms)}  # type: ignore[arg-type]
        found = rows(world, "guidang-city", key)
        assert {row["scope"] for row in found} == expected.keys()
        assert [row["total"] for row in found] == sorted(row["total"] for row in found)
        assert len({row["total"] for row in found}) > 1
        for row in found:
            assert [row[name] for name in names] == pytest.approx([expected[row["scope"]][name] for name in names]), row["scope"]
    unit = worst_unit(world)
    assert [row["unit_code"] for row in rows(world, "guidang-unit", "unit-score", unit=unit)] == [unit]
    district = rows(world, "guidang-city", "district-score")[0]["scope"]
    of_district = {row["unit_code"] for row in rows(world, "guidang-city", "unit-score", district=district)}
    assert {row["unit_code"] for row in rows(world, "guidang-city", "units", district=district)} <= of_district
    assert len(of_district) < len(rows(world, "guidang-city", "unit-score"))


@pytest.mark.parametrize("one", [False, True])
def test_open_findings_are_those_of_the_command_line(world: World, one: bool) -> None:
    """By kind, with those waived and those that are history; for all and for one unit."""
    unit = worst_unit(world) if one else ""
    open_ones = anomaly_rows(world.reader, state="open", unit=unit)
    found = {row["code"]: row for row in rows(world, "guidang-city", "findings", unit=unit)}
    assert {code: row["findings"] for code, row in found.items()} == Counter(row["kind"] for row in open_ones)
    assert {code: row["waived"] for code, row in found.items() if row["waived"]} == Counter(
        row["kind"] for row in open_ones if row["waived"]
    )
    assert sum(row["backfilled"] for row in found.values()) == sum(row["backfill"] for row in open_ones)
    (summary,) = rows(world, "guidang-quality", "summary", unit=unit)
    counted = Counter(row["kind"] for row in open_ones if not row["waived"])
    costly = Counter(row["kind"] for row in open_ones if not row["waived"] and row["item_type"])
    assert summary["unconfigured"] == costly["NOT_CONFIGURED"]
    assert summary["config_errors"] == sum(costly[kind] for kind in kinds_of(Cost.CONFIG_ERROR))
    assert summary["inaccurate"] == sum(costly[kind] for kind in kinds_of(Cost.INACCURATE))
    assert summary["missing_material"] == sum(costly[kind] for kind in kinds_of(Cost.MISSING))
    assert summary["refused"] == counted["REFUSED"]
    assert summary["matching"] == counted["ORPHAN_ARCHIVE"] + counted["DUPLICATE_ARCHIVE"] + counted["CASE_NO_COLLISION"]
    assert sum(row["findings"] for row in rows(world, "guidang-quality", "quality-kinds", unit=unit)) == sum(
        counted[kind] + sum(row["waived"] for row in open_ones if row["kind"] == kind) for kind in kinds_told_on(QUALITY_TOPIC)
    )


def test_what_is_found_outside_the_eight_types_is_listed_and_said_to_cost_nothing(corrected: World) -> None:
    """A test case and a missing configuration, which the score leaves out."""
    (score,) = rows(corrected, "guidang-city", "unit-score", unit="U1")
    costly = ("unconfigured", "config_errors", "inaccurate", "missing_material")
    assert [score[name] for name in costly] == [1, 0, 0, 0]
    for key in ("summary", "units"):
        (counted,) = rows(corrected, "guidang-quality", key, unit="U1")
        assert [counted[name] for name in costly] == [score[name] for name in costly], key
    remarks = {row["item_code"]: row["remark"] for row in rows(corrected, "guidang-quality", "unconfigured", unit="U1")}
    assert remarks == {ITEM: "", OUTSIDE: "八类之外，不扣分"}
    assert [row["remark"] for row in rows(corrected, "guidang-quality", "quality", unit="U1")] == ["八类之外，不扣分"]


def test_a_unit_that_was_moved_by_a_correction_is_of_its_district_alone(corrected: World) -> None:
    """What was counted of the other has fallen to zero, and its items are told again."""
    for key in ("units", "unit-score"):
        assert rows(corrected, "guidang-city", key, district="330105") == [], key
        assert "U1" in {row["unit_code"] for row in rows(corrected, "guidang-city", key, district="330106")}, key
    for unit in ("U1", "U2"):
        assert [row["scope"] for row in rows(corrected, "guidang-city", "district-score", unit=unit)] == ["330106"], unit
    options = {each.name: each.options for each in panel_board("guidang-item").variables}
    assert [ask(corrected, options[name], district="330105") for name in ("unit", "type", "item")] == [[], [], []]
    assert "330105" not in {row["value"] for row in ask(corrected, options["district"])}


def test_a_unit_without_a_case_has_the_score_of_its_district_beside_its_own(corrected: World) -> None:
    """Its configuration costs there; and what the registry is silent about is in the district of its cases, as in the score."""
    assert [row["scope"] for row in rows(corrected, "guidang-city", "district-score", unit="U2")] == ["330106"]
    assert {row["scope"] for row in rows(corrected, "guidang-city", "unit-score", district="330106")} == {"U1", "U2", "U3"}
    assert [row["scope"] for row in rows(corrected, "guidang-city", "district-score", unit="U3")] == ["330106"]


LISTS = {
    ("guidang-city", "oldest"): {"UNARCHIVED"},
    ("guidang-quality", "unconfigured"): {"NOT_CONFIGURED"},
    ("guidang-quality", "misconfigured"): set(kinds_told_on(MISCONFIGURED_TOPIC)) - {"NOT_CONFIGURED"},
    ("guidang-quality", "quality"): set(kinds_told_on(QUALITY_TOPIC)),
    ("guidang-quality", "refused"): {"REFUSED"},
    ("guidang-quality", "orphans"): {"ORPHAN_ARCHIVE", "DUPLICATE_ARCHIVE", "CASE_NO_COLLISION"},
}


@pytest.mark.parametrize(("where", "kinds"), LISTS.items())
@pytest.mark.parametrize("one", [False, True])
def test_lists_hold_the_findings_of_the_command_line(world: World, where: tuple[str, str], kinds: set[str], one: bool) -> None:
    """Case by case or item by item, for all and for the unit that has most of them."""
    every = [row for row in anomaly_rows(world.reader, state="open") if row["kind"] in kinds]
    assert every
    unit = Counter(row["unit_code"] for row in every).most_common(1)[0][0] if one else ""
    expected = Counter(row["subject"] for row in every if unit in {"", row["unit_code"]})
    found = rows(world, *where, unit=unit)
    subjects = Counter(row["case_no"] if "case_no" in row else f"{row['unit_code']}|{row['item_code']}" for row in found)
    assert subjects == expected if len(every) <= 100 else len(found) == min(100, sum(expected.values()))


def test_what_is_overdue_is_grouped_by_its_days(world: World) -> None:
    """From the due date to the end of the range, in the steps that are named; the oldest are listed first."""
    overdue = [row for row in anomaly_rows(world.reader, state="open", kind="UNARCHIVED") if row["due_at"]]
    ages = [(world.now_ms - instant_ms(row["due_at"])) / DAY_MS for row in overdue]
    steps = Counter(bisect_right((1, 3, 7, 15, 30, 90), age) for age in ages)
    found = rows(world, "guidang-city", "ageing")
    assert [row["cases"] for row in found] == [steps[step] for step in sorted(steps)]
    assert len(found) > 2
    assert (found[-1]["age"], sum(row["waived"] for row in found)) == ("90 天以上", sum(row["waived"] for row in overdue))
    assert [row["overdue_days"] for row in rows(world, "guidang-city", "oldest")] == pytest.approx(sorted(ages, reverse=True)[:100])


def test_a_range_that_ends_in_the_past_shows_what_was_overdue_then(world: World) -> None:
    """Of what is not archived now; a case that was closed then and fell due later has no age."""
    overdue = sorted(
        (row for row in anomaly_rows(world.reader, state="open", kind="UNARCHIVED") if row["due_at"]), key=lambda row: row["due_at"]
    )
    end_ms = instant_ms(overdue[len(overdue) // 2]["closed_at"])
    then = replace(world, window=Window(world.window.start_ms, end_ms + 1))
    ages = [(end_ms - due_ms) / DAY_MS for row in overdue if (due_ms := instant_ms(row["due_at"])) <= end_ms]
    assert 0 < len(ages) < len(overdue)
    assert sum(row["cases"] for row in rows(then, "guidang-city", "ageing")) == len(ages)
    assert [row["overdue_days"] for row in rows(then, "guidang-city", "oldest")] == pytest.approx(sorted(ages, reverse=True)[:100])
    unarchived = [row["overdue_days"] for row in rows(then, "guidang-item", "cases") if row["status_label"] == "到期未归档"]
    assert None in unarchived
    assert all(days is None or days >= 0 for days in unarchived)


def test_how_long_archives_took_is_grouped_by_days(world: World) -> None:
    """Every archived case of the year is in one step."""
    (city,) = told(world, "city").values()
    found = rows(world, "guidang-city", "delays")
    assert sum(row["cases"] for row in found) == city["archived"]
    labels = [row["delay"] for row in found]
    assert labels[0] == "0 天以内"
    early = world.reader.query(
        "SELECT count() FROM case_state FINAL WHERE status IN ('ARCHIVED', 'ARCHIVED_LATE') AND delay_ms < 0"
    ).first_row
    assert found[0]["cases"] == early[0] > 0


def test_the_official_figures_stand_beside_ours_the_widest_apart_first(world: World) -> None:
    """Their difference is the command line's divergence."""
    found = rows(world, "guidang-quality", "official")
    apart = [abs(row["divergence"]) for row in found if row["divergence"] is not None]
    assert apart == sorted(apart, reverse=True)
    assert {row["scope"]: row["divergence"] for row in found} == pytest.approx(
        {scope: row["divergence"] for scope, row in told(world, "unit").items()}
    )


def test_dead_letters_are_counted_by_reason_and_source(world: World) -> None:
    """One of them, which is no record at all."""
    found = rows(world, "guidang-quality", "dead-letters")
    assert [(row["source_topic"], row["records"]) for row in found if row["reason"] == "NOT_FRAMED"] == [("case-closed", 1)]


def test_a_case_has_its_state_its_archives_its_findings_and_its_timeline(world: World) -> None:
    """A refused one: what was refused, when, and what is open."""
    case = rows(world, "guidang-quality", "refused")[0]
    chosen = {"case": str(case["case_no"])}
    fields = {row["field"]: row["value"] for row in rows(world, "guidang-item", "case", **chosen)}
    assert (fields["办件号"], fields["接收"]) == (case["case_no"], "–")
    archives = rows(world, "guidang-item", "archives", **chosen)
    assert case["archive_no"] in {row["archive_no"] for row in archives}
    assert all(row["accepted_at"] is None for row in archives)
    events = rows(world, "guidang-item", "timeline", **chosen)
    assert [row["time"] for row in events] == sorted(row["time"] for row in events)
    assert {"受理", "办结", "归档期限", "归档信息包首次被退回"} <= {row["what"] for row in events}
    findings = rows(world, "guidang-item", "case-findings", **chosen)
    assert "归档被退回" in {row["label"] for row in findings if row["state_label"] == "未解除"}
    assert rows(world, "guidang-item", "case") == []


def test_three_clicks_lead_from_the_city_to_the_worst_case_of_the_worst_item_of_the_worst_unit(world: World) -> None:
    """Each click follows the link of the first row, with the variables that it sets."""
    chosen: dict[str, str] = {}
    uid = "guidang-city"
    for key, column in (("units", "name"), ("items", "name"), ("cases", "case_no")):
        row = rows(world, uid, key, **chosen)[0]
        (link,) = [each.link for each in panel_of(uid, key).columns if each.name == column]
        assert link
        chosen |= {variable: str(row[field]) for variable, field in ((link.variable, link.key), *link.also)}
        uid = link.uid
    worst = rows(world, "guidang-city", "units")[0]
    item = rows(world, "guidang-unit", "items", unit=worst["unit_code"])[0]
    assert (uid, chosen["unit"], chosen["item"]) == ("guidang-item", worst["unit_code"], item["item_code"])
    fields = {row["field"]: row["value"] for row in rows(world, uid, "case", **chosen)}
    assert (fields["办件号"], fields["状态"]) == (chosen["case"], "到期未归档")
    cases = [row for row in rows(world, uid, "cases", **chosen) if row["status_label"] == "到期未归档"]
    assert len(cases) == item["unarchived"] > 0
    assert max(row["overdue_days"] for row in cases) == cases[0]["overdue_days"]


def test_what_can_be_chosen_depends_on_what_was_chosen_before(world: World) -> None:
    """Districts, units of the district, types of the unit, items of both."""
    options = {each.name: each.options for each in panel_board("guidang-item").variables}
    units = told(world, "unit")
    found = {row["value"]: row["label"] for row in ask(world, options["unit"])}
    assert units.keys() <= found.keys()
    unit = worst_unit(world)
    assert found[unit] == f"{units[unit]['name']} {unit}"
    assert {row["value"] for row in ask(world, options["district"])} == told(world, "district").keys()
    items = {row["value"] for row in ask(world, options["item"], unit=unit)}
    assert {row["item_code"] for row in rows(world, "guidang-unit", "items", unit=unit)} <= items
    assert len(items) < len(ask(world, options["item"]))
    district = ask(world, options["district"])[-1]["value"]
    assert 0 < len(ask(world, options["unit"], district=district)) < len(found)


def test_annotations_tell_when_configurations_came_into_force_and_when_history_was_loaded(world: World) -> None:
    """The configurations of 1 October, and findings that were old when they were found."""
    queries = {each.key: each.query for each in panel_board("guidang-city").annotations}
    (found,) = ask(world, queries["configuration"])
    assert found["time"].isoformat() == "2018-10-01T00:00:00+08:00"
    assert "保管期限表版本不符" in found["text"]
    times = [instant_ms(row["since"]) for row in anomaly_rows(world.reader) if row["backfill"] and row["since"]]
    backfilled = sum(world.window.start_ms <= time_ms <= world.now_ms for time_ms in times)
    assert sum(int(row["title"].split()[1]) for row in ask(world, queries["backfill"])) == backfilled > 0


def panel_board(uid: str) -> Any:
    """A dashboard."""
    (board,) = [board for board in DASHBOARDS if board.uid == uid]
    return board
