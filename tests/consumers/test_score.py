"""The score in ClickHouse against the oracle's, on a simulated year with every hazard; and the formula of the notice by itself."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from consumers.anomalies import anomaly_rows
from consumers.clickhouse import Client
from consumers.coverage import coverage_rows
from consumers.evidence import evidence_rows
from consumers.items import item_rows
from consumers.migrate import FOLDER
from consumers.score import score_rows
from consumers.score_sql import score_sql
from consumers.windows import parse_window
from ops.simulate.calendar import at_ms
from ops.simulate.generate import Plan, generate
from streams.contracts import ANOMALY_UNARCHIVED, COVERAGE_PARTIAL
from tests.agents.pipeline import Pipeline
from tests.consumers.outputs import store_rows
from tests.consumers.then import FIGURES, POINTS, compare_as_of, store_world
from tests.oracle import oracle, score
from tests.oracle.coverage import rows as oracle_rows

pytestmark = [pytest.mark.clickhouse, pytest.mark.slow]

PLAN = Plan(3_000, seed=7)
YEAR = 2018
Row = dict[str, Any]


@pytest.fixture
def year(client: Client) -> dict[str, list[Row]]:
    """A simulated year, judged and stored; returns its events."""
    return store_year(client, PLAN)[0]


def store_year(client: Client, plan: Plan) -> tuple[dict[str, list[Row]], list[Row]]:
    """Judge a simulated year and store what the workers would have told; return its events, and the state of every case."""
    events, _, _ = generate(plan)
    with Pipeline(now_ms=at_ms_of_start()) as pipeline:
        pipeline.world(events)
        pipeline.tick(plan.moment_ms)
        pipeline.tick(plan.moment_ms)
        store_world(client, pipeline)
        return events, list(pipeline.states().values())


def at_ms_of_start() -> int:
    """The first moment of the year."""
    return at_ms(dt.date(YEAR, 1, 1))


@pytest.mark.timeout(600)
def test_the_score_of_every_unit_and_district_is_the_oracles(client: Client, year: dict[str, list[Row]]) -> None:
    """Every figure, every part, both readings of 处; coverage beside it, live and as of a moment."""
    for by in ("unit", "district"):
        expected = {row["scope"]: row for row in score.score(year, PLAN.moment_ms, YEAR, by)}
        found = {row["scope"]: row for row in score_rows(client, year=YEAR, by=by, now_ms=PLAN.moment_ms)}
        assert found.keys() == expected.keys()
        for scope, row in expected.items():
            assert {name: found[scope][name] for name in FIGURES} == {name: row[name] for name in FIGURES}, scope
            for part in POINTS:
                assert found[scope][part] == pytest.approx(row[part]), (scope, part)
    verdicts = oracle.judge(year, PLAN.moment_ms).values()
    window = parse_window("ytd", PLAN.moment_ms)
    for of_coverage in ("city", "district", "unit", "type", "item"):
        rows = coverage_rows(client, of_coverage, window, now_ms=PLAN.moment_ms)
        wanted = {row["scope"]: row for row in oracle_rows(verdicts, PLAN.moment_ms, of_coverage, "ytd")}
        assert {row["scope"]: {**row, "name": ""} for row in rows} == {scope: {**row, "name": ""} for scope, row in wanted.items()}


@pytest.mark.timeout(600)
def test_as_of_a_day_every_figure_is_the_oracles_for_that_day(client: Client) -> None:
    """Closings and archives timed after it are ignored: no finding, no waiver, no bonus and no configuration of later is in it."""
    events, _, _ = generate(PLAN)
    days = (dt.date(2018, 2, 13), dt.date(2018, 7, 1), dt.date(2019, 1, 10))
    compare_as_of(client, events, PLAN.moment_ms, *(at_ms(day, 12) for day in days), year=YEAR)


def test_by_case_is_the_literal_reading(client: Client, year: dict[str, list[Row]]) -> None:
    """policy.score.place = case."""
    assert year
    for row in score_rows(client, year=YEAR, by="unit", now_ms=PLAN.moment_ms, place="case"):
        assert (row["inaccurate"], row["total"]) == (row["inaccurate_by_case"], row["total_by_case"])
    assert (
        any(row["inaccurate"] > row["inaccurate_by_case"] for row in score_rows(client, year=YEAR, by="unit", now_ms=PLAN.moment_ms))
        is False
    )


def test_every_deducted_point_has_its_evidence(client: Client, year: dict[str, list[Row]]) -> None:
    """As many findings as the score counts, each with its clause; waived ones beside them."""
    assert year
    evidence = evidence_rows(anomaly_rows(client, state="open"), year=YEAR, by="unit", homes={})
    for row in score_rows(client, year=YEAR, by="unit", now_ms=PLAN.moment_ms):
        held = [each for each in evidence.get(row["scope"], []) if not each["waived"]]
        assert all(each["clause"] for each in held)
        assert sum(each["kind"].endswith("_MISMATCH") and "|" in each["subject"] for each in held) == row["config_errors"]
        assert sum(each["kind"] == "NOT_CONFIGURED" for each in held) == row["unconfigured"]
        assert sum(each["kind"] == "UNARCHIVED" for each in held) == row["unarchived"]
        assert len({(each["kind"], each["item_code"]) for each in held if each["kind"].startswith("MISSING_")}) == row["missing_material"]
    assert any(each["waived"] for rows in evidence.values() for each in rows)


def test_items_show_what_the_registry_says_and_what_is_found(client: Client, year: dict[str, list[Row]]) -> None:
    """The rows of ``guidang items`` and the open findings on items say the same."""
    assert year
    told = {row["subject"]: set() for row in anomaly_rows(client, state="open") if "|" in row["subject"]}
    for row in anomaly_rows(client, state="open"):
        if row["subject"] in told:
            told[row["subject"]].add(row["kind"])
    shown = {f"{row['unit_code']}|{row['item_code']}": set(row["findings"]) for row in item_rows(client)}
    assert {subject: kinds for subject, kinds in shown.items() if kinds} == told
    unit = next(iter(shown)).split("|")[0]
    assert {row["unit_code"] for row in item_rows(client, unit)} == {unit}


def test_the_view_is_the_text_that_the_code_writes() -> None:
    """One formula, in one place."""
    statement = (Path(FOLDER) / "0007_score.sql").read_text(encoding="utf-8")
    assert statement.endswith(f"CREATE OR REPLACE VIEW score AS{score_sql()};\n")


@pytest.mark.parametrize(("unarchived", "points"), [(0, 60), (1, 59.5), (2, 59), (5, 57.5), (10, 55), (50, 35), (100, 10)])
def test_the_scale_of_completeness_is_that_of_the_notice(client: Client, unarchived: int, points: float) -> None:
    """50 × unarchived ÷ closed off 60."""
    store_bucket(client, archived=100 - unarchived, unarchived=unarchived)
    (row,) = score_rows(client, year=YEAR, by="unit", now_ms=PLAN.moment_ms)
    assert (row["completeness"], row["quality"], row["bonus"], row["total"]) == (points, 30, 0, points + 30)


def test_a_waived_finding_whose_case_was_archived_meanwhile_gives_no_points(client: Client) -> None:
    """Buckets come first, and the finding is resolved a moment later."""
    store_bucket(client, archived=2, unarchived=0)
    item = {"item_code": "许可-00001-000", "main_item_code": "许可-00001-000"}
    finding = {"anomaly_id": "A", "kind": "UNARCHIVED", "state": "OPENED", "subject": "c-1", **item, "closed_at": at_ms_of_start()}
    store_rows(
        client,
        ANOMALY_UNARCHIVED,
        [finding | {"waived": True, "since": at_ms_of_start(), "unit_code": "U1", "district_code": "330106", "item_type": "许可"}],
    )
    (row,) = score_rows(client, year=YEAR, by="unit", now_ms=PLAN.moment_ms)
    assert (row["unarchived"], row["completeness"], row["total"]) == (0, 60, 90)


def store_bucket(client: Client, **counted: int) -> None:
    """A unit's year of so many cases."""
    bucket = {
        "input_partition": 0,
        "granularity": "YEAR",
        "bucket_start": at_ms_of_start(),
        "due_start": at_ms_of_start(),
        "unit_code": "U1",
        "district_code": "330106",
    }
    counts = dict.fromkeys(
        ("archived_late", "awaiting", "refused", "orphan", "due", "due_archived", "due_awaiting", "official_archived", "unregistered"), 0
    )
    record = {**bucket, **counts, "item_type": "", "main_item_code": "", "item_code": "", "excluded": {}}
    store_rows(client, COVERAGE_PARTIAL, [{**record, **counted, "official_closed": sum(counted.values())}])
