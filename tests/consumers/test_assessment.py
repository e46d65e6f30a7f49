"""Hand-worked examples of the assessment, from events to figures: small worlds through the job into the real engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from consumers.anomalies import anomaly_rows
from consumers.clickhouse import Client
from consumers.coverage import Judged
from consumers.evidence import evidence_rows
from consumers.score import homes, score_rows
from consumers.score_as_of import AsOf
from consumers.suggestions import suggestion_rows
from ops.findings_then import findings_then, items_then
from streams.contracts import (
    ANOMALY_TOPICS,
    ARCHIVING_SCHEDULE,
    CASE_STATE,
    COVERAGE_PARTIAL,
    ITEM_REGISTRY,
    ITEM_STATE,
    MODULE_CONFIG,
    UNIT_REGISTRY,
    WAIVER,
)
from streams.domain.finding import anomaly_id
from streams.domain.time import DAY_MS, HOUR_MS
from tests.agents.pipeline import Pipeline
from tests.agents.test_cases import CLOSED_MS, FROM_NEW_YEAR_DUE_MS, NEW_YEAR_MS, NEW_YEARS_EVE_MS, archive, closing
from tests.agents.test_items import DAY, configured, registered, scheduled
from tests.consumers.outputs import store_rows
from tests.consumers.then import NOBODY

pytestmark = [pytest.mark.clickhouse]

YEAR = 2018
SELF_BUILT = {"build_mode": "SELF_BUILT", "archiving_mode": "ONLINE", "plan_year": 2018}
HELD = [{"kind": "EVIDENCE", "name": "申请表", "code": "E-01"}, {"kind": "RESULT", "name": "批准文件", "code": "R-01"}]
MATERIALS = [{**each, "byte_size": 1, "sha256": ""} for each in HELD]
Row = dict[str, Any]


@pytest.fixture
def pipeline() -> Iterator[Pipeline]:
    """A partition."""
    with Pipeline(now_ms=CLOSED_MS) as made:
        yield made


def place_items(pipeline: Pipeline, unit: str, *items: str, **given: Any) -> None:
    """Register items, approve their schedules and configure them as approved; ``given`` goes into the registry."""
    for item in items:
        where = {"unit_code": unit, "item_code": item}
        pipeline.reference_record(ITEM_REGISTRY, registered(**where, **given))
        pipeline.reference_record(ARCHIVING_SCHEDULE, scheduled(**where))
        pipeline.reference_record(MODULE_CONFIG, configured(**where))


def judge(pipeline: Pipeline, client: Client, unit: str = "U1", by: str = "unit") -> Row:
    """Let all be due, store what was said, and read the score of a unit."""
    pipeline.tick(CLOSED_MS + 30 * DAY_MS)
    store_rows(client, CASE_STATE, list(pipeline.states().values()))
    store_rows(client, ITEM_STATE, list(pipeline.items().values()))
    store_rows(client, COVERAGE_PARTIAL, pipeline.buckets())
    for topic in ANOMALY_TOPICS:
        store_rows(client, topic, pipeline.anomalies(topic))
    rows = {row["scope"]: row for row in score_rows(client, year=YEAR, by=by, now_ms=pipeline.now_ms)}  # type: ignore[arg-type]
    return rows[unit]


def cases(pipeline: Pipeline, count: int, archived: int, unit: str = "U1", item: str = "许可-00387-000", **given: Any) -> None:
    """Closed cases, the first of them archived on time and whole."""
    numbers = [f"{unit}-{item}-{number}" for number in range(count)]
    where = {"unit_code": unit, "item_code": item}
    pipeline.closings(*(closing(case_no=number, **where, **given) for number in numbers))
    pipeline.archives(
        *(archive(case_no=number, archive_no=f"A-{number}", materials=MATERIALS, **where, **given) for number in numbers[:archived])
    )


@pytest.mark.parametrize(("archived", "points"), [(100, 60), (99, 59.5), (98, 59), (95, 57.5), (90, 55), (50, 35), (0, 10)])
def test_completeness_falls_with_the_share_that_is_not_archived(pipeline: Pipeline, client: Client, archived: int, points: float) -> None:
    """From closings and archives to points, nothing else wrong."""
    place_items(pipeline, "U1", "许可-00387-000")
    cases(pipeline, 100, archived)
    row = judge(pipeline, client)
    assert (row["closed"], row["unarchived"], row["completeness"], row["quality"]) == (100, 100 - archived, points, 30)


def test_one_misconfigured_item_costs_two_and_one_unconfigured_ten(pipeline: Pipeline, client: Client) -> None:
    """Three items of a unit, one right, one with another retention, one not configured."""
    place_items(pipeline, "U1", "许可-00387-000", "许可-00388-000", "许可-00389-000")
    pipeline.reference_record(MODULE_CONFIG, configured(item_code="许可-00388-000", revision=2, retention="YEARS_10"))
    pipeline.reference_record(MODULE_CONFIG, configured(item_code="许可-00389-000", revision=2, deleted=True))
    cases(pipeline, 10, 10)
    row = judge(pipeline, client)
    assert (row["config_errors"], row["unconfigured"], row["completeness"], row["total"]) == (1, 1, 48, 78)


def test_a_unit_without_a_case_loses_nothing_for_them(pipeline: Pipeline, client: Client) -> None:
    """Nothing closed: no deduction (A)."""
    place_items(pipeline, "U1", "许可-00387-000")
    unit = {"event_id": "u1", "unit_code": "U1", "unit_name": "卫健委", "district_code": "330106", "district_name": ""}
    pipeline.reference_record(UNIT_REGISTRY, unit)
    store_rows(client, UNIT_REGISTRY, [unit])
    row = judge(pipeline, client)
    assert (row["name"], row["closed"], row["completeness"], row["quality"], row["bonus"], row["total"]) == ("卫健委", 0, 60, 30, 0, 90)
    assert (row["official"], row["divergence"]) == (None, None)


@pytest.mark.parametrize("year", [1992, 2009, 2041, 2099])
def test_what_is_not_configured_costs_in_every_year_that_can_be_asked_for(pipeline: Pipeline, client: Client, year: int) -> None:
    """Live as of now."""
    pipeline.reference_record(ITEM_REGISTRY, registered())
    judge(pipeline, client)
    (row,) = score_rows(client, year=year, by="unit", now_ms=pipeline.now_ms)
    assert (row["scope"], row["unconfigured"], row["total"]) == ("U1", 1, 80)


def test_items_of_a_unit_without_a_row_are_of_the_district_that_most_of_its_cases_name(pipeline: Pipeline, client: Client) -> None:
    """So that a district is the sum of its units, live and as of a day; where no counted case of the year names one, of none."""
    for item in ("许可-00387-000", "许可-00388-000"):
        pipeline.reference_record(ITEM_REGISTRY, registered(item_code=item))
    pipeline.reference_record(ITEM_REGISTRY, registered(unit_code="U2"))
    cases(pipeline, 2, 2)
    cases(pipeline, 3, 3, item="许可-00388-000", district_code="330105")
    cases(pipeline, 9, 9, item="许可-00389-000", district_code="330102", closing_state="VOIDED")
    assert judge(pipeline, client)["unconfigured"] == 2
    items = items_then(pipeline.assessor, pipeline.now_ms)
    findings = findings_then(anomaly_rows(client, state="open"), {}, items, pipeline.assessor, pipeline.now_ms)
    for as_of in (None, AsOf(Judged(pipeline.now_ms, DAY_MS, NOBODY), findings, items)):
        rows = score_rows(client, year=YEAR, by="district", now_ms=pipeline.now_ms, as_of=as_of)
        assert {row["scope"]: (row["unconfigured"], row["closed"]) for row in rows} == {
            "330102": (0, 0),
            "330105": (2, 3),
            "330106": (0, 2),
            "UNKNOWN": (1, 0),
        }
        told = evidence_rows(findings, year=YEAR, by="district", homes=homes(client, year=YEAR, as_of=as_of))
        assert {scope: sum(each["kind"] == "NOT_CONFIGURED" for each in held) for scope, held in told.items()} == {
            "330105": 2,
            "UNKNOWN": 1,
        }


def test_a_unit_with_orphans_alone_has_a_row_and_no_deduction(pipeline: Pipeline, client: Client) -> None:
    """An orphan costs nothing; the official figure shows it."""
    pipeline.archives(archive(case_no="x1"), archive(case_no="x2", archive_no="A-2"))
    row = judge(pipeline, client)
    assert (row["closed"], row["total"], row["official_archived"], row["official"]) == (0, 90, 2, None)


def test_two_self_built_systems_and_a_third_are_worth_ten_points_at_most(pipeline: Pipeline, client: Client) -> None:
    """每个系统加 5 分, at most 10; a system with an open quality finding is none."""
    place_items(pipeline, "U1", "许可-00387-000", **SELF_BUILT)
    place_items(pipeline, "U2", "许可-00387-000", **SELF_BUILT)
    for number, system in enumerate(("a", "b", "c")):
        case = {"case_no": f"u1-{number}", "source_system": system}
        pipeline.closings(closing(**case))
        pipeline.archives(archive(archive_no=f"A-{number}", materials=MATERIALS, **case))
    spoilt = {"case_no": "u2", "unit_code": "U2", "source_system": "a"}
    pipeline.closings(closing(**spoilt))
    pipeline.archives(archive(archive_no="A-9", **spoilt))
    assert (judge(pipeline, client)["systems"], judge(pipeline, client)["bonus"]) == (3, 10)
    other = judge(pipeline, client, "U2")
    assert (other["systems"], other["bonus"], other["missing_material"], other["quality"]) == (0, 0, 2, 26)
    district = judge(pipeline, client, "330106", by="district")
    assert (district["systems"], district["bonus"], district["missing_material"]) == (3, 10, 2)


def test_two_units_that_each_have_a_system_of_one_name_have_two_in_their_district(pipeline: Pipeline, client: Client) -> None:
    """District: the formula over summed counts (A)."""
    for unit in ("U1", "U2"):
        place_items(pipeline, unit, "许可-00387-000", **SELF_BUILT)
        cases(pipeline, 1, 1, unit, source_system="oa")
    assert judge(pipeline, client)["systems"] == 1
    assert judge(pipeline, client, "330106", by="district")["systems"] == 2


def test_no_system_earns_by_the_very_case_that_is_at_fault(pipeline: Pipeline, client: Client) -> None:
    """Closed in one year, its archive accepted in the next, with a material missing: it spoils both."""
    place_items(pipeline, "U1", "许可-00387-000", **SELF_BUILT)
    case = {"case_no": "c", "source_system": "oa"}
    pipeline.closings(closing(**case))
    pipeline.archives(archive(received_at=CLOSED_MS + 365 * DAY_MS, **case))
    judge(pipeline, client)
    for year in (YEAR, YEAR + 1):
        (row,) = score_rows(client, year=year, by="unit", now_ms=pipeline.now_ms)
        assert (row["systems"], row["bonus"]) == (0, 0)


def test_what_is_outside_the_eight_types_costs_nothing(pipeline: Pipeline, client: Client) -> None:
    """Neither its configuration nor a test that was archived; what is found stays to be seen."""
    place_items(pipeline, "U1", "服务-00387-000")
    pipeline.reference_record(MODULE_CONFIG, configured(item_code="服务-00387-000", revision=2, deleted=True))
    cases(pipeline, 1, 1, item="服务-00387-000", is_test=True)
    row = judge(pipeline, client)
    assert (row["unconfigured"], row["inaccurate"], row["total"]) == (0, 0, 90)
    assert {row["kind"] for row in anomaly_rows(client, state="open")} == {"NOT_CONFIGURED", "TEST_CASE"}
    assert evidence_rows(anomaly_rows(client, state="open"), year=YEAR, by="unit", homes={}) == {}


def test_places_are_counted_by_item_or_by_case(pipeline: Pipeline, client: Client) -> None:
    """Fifteen cases under the item's own name are one place of an item, or fifteen, which empty the part."""
    place_items(pipeline, "U1", "许可-00387-000")
    cases(pipeline, 15, 15, title="中医医疗广告审查")
    row = judge(pipeline, client)
    assert (row["inaccurate"], row["quality"], row["inaccurate_by_case"], row["quality_by_case"]) == (1, 28, 15, 0)
    (literal,) = score_rows(client, year=YEAR, by="unit", now_ms=pipeline.now_ms, place="case")
    assert (literal["inaccurate"], literal["total"]) == (15, 60)


def test_no_part_falls_below_zero(pipeline: Pipeline, client: Client) -> None:
    """Each part has floor 0 (A)."""
    items = [f"许可-{number:05d}-000" for number in range(400, 408)]
    place_items(pipeline, "U1", *items)
    for item in items:
        pipeline.reference_record(MODULE_CONFIG, configured(item_code=item, revision=2, deleted=True))
    row = judge(pipeline, client)
    assert (row["unconfigured"], row["completeness"], row["total"]) == (8, 0, 30)


def test_a_waiver_takes_its_finding_out_of_the_score_and_leaves_it_in_the_list(pipeline: Pipeline, client: Client) -> None:
    """豁免: an unarchived case and an unconfigured item, set aside for the year."""
    place_items(pipeline, "U1", "许可-00387-000")
    pipeline.reference_record(MODULE_CONFIG, configured(revision=2, deleted=True))
    cases(pipeline, 2, 1)
    before = judge(pipeline, client)
    assert (before["unconfigured"], before["unarchived"], before["completeness"]) == (1, 1, 25)
    for kind, subject in (("NOT_CONFIGURED", "U1|许可-00387-000"), ("UNARCHIVED", "U1-许可-00387-000-1")):
        row = {"event_id": kind, "anomaly_id": anomaly_id(kind, subject), "author": "市档案局", "reason": "系统升级", "until": DAY + 200}
        pipeline.reference_record(WAIVER, row)
    after = judge(pipeline, client)
    assert (after["unconfigured"], after["unarchived"], after["closed"], after["completeness"]) == (0, 0, 2, 60)
    assert {kind for _, kind in pipeline.open_anomalies()} >= {"NOT_CONFIGURED", "UNARCHIVED"}


def test_a_waived_case_that_turns_out_to_be_of_another_year_is_taken_out_of_that_year(pipeline: Pipeline, client: Client) -> None:
    """Its due date stays the same over the holiday: a waiver counted in the year before would be worth points there."""
    place_items(pipeline, "U1", "许可-00387-000")
    row = {"event_id": "w", "anomaly_id": anomaly_id("UNARCHIVED", "c"), "author": "市档案局", "reason": "系统升级", "until": DAY + 900}
    pipeline.reference_record(WAIVER, row)
    cases(pipeline, 1, 1)
    pipeline.closings(closing(closed_at=NEW_YEARS_EVE_MS))
    pipeline.tick(FROM_NEW_YEAR_DUE_MS)
    pipeline.closings(closing(closed_at=NEW_YEAR_MS, event_id="e2", revision=2))
    judge(pipeline, client)
    years = {year: score_rows(client, year=year, by="unit", now_ms=pipeline.now_ms)[0] for year in (YEAR, YEAR + 1)}
    assert {year: (row["closed"], row["unarchived"], row["completeness"]) for year, row in years.items()} == {
        YEAR: (1, 0, 60),
        YEAR + 1: (1, 0, 60),
    }


def test_a_unit_that_moves_from_a_date_takes_its_later_cases_along(pipeline: Pipeline, client: Client) -> None:
    """For the past too, and without replaying a case; its items follow the district of today."""
    place_items(pipeline, "U1", "许可-00387-000")
    cases(pipeline, 3, 3)
    pipeline.closings(closing(case_no="later", closed_at=CLOSED_MS + 20 * DAY_MS))
    row = {"unit_code": "U1", "unit_name": "卫健委", "district_name": ""}
    pipeline.reference_record(UNIT_REGISTRY, {**row, "event_id": "u1", "district_code": "330103", "valid_to": DAY + 9})
    pipeline.reference_record(UNIT_REGISTRY, {**row, "event_id": "u2", "district_code": "330105", "valid_from": DAY + 10})
    assert judge(pipeline, client, "330103", by="district")["closed"] == 3
    assert judge(pipeline, client, "330105", by="district")["closed"] == 1


def test_an_orphan_is_offered_the_cases_it_may_belong_to_the_likeliest_first(pipeline: Pipeline, client: Client) -> None:
    """Same unit and item, near in time; the same title before a near number before a near time; how far other numbers lie says nothing."""
    place_items(pipeline, "U1", "许可-00387-000", "许可-00388-000")
    pipeline.closings(
        closing(case_no="330100-0002", title="王五的申请"),
        closing(case_no="330100-9999", title="王五的申请", closed_at=CLOSED_MS - 5 * DAY_MS),
        closing(case_no="330100-0003"),
        closing(case_no="330100-0005", item_code="许可-00388-000", title="王五的申请"),
        closing(case_no="330198-7777", closed_at=CLOSED_MS - 20 * DAY_MS, accepted_at=CLOSED_MS - 21 * DAY_MS),
        closing(case_no="999999-8888888", closed_at=CLOSED_MS - DAY_MS, accepted_at=CLOSED_MS - 2 * DAY_MS),
        closing(case_no="330100-0006", title="王五的申请", closed_at=CLOSED_MS - 90 * DAY_MS, accepted_at=CLOSED_MS - 91 * DAY_MS),
    )
    pipeline.archives(archive(case_no="330100-0001", title="王五的申请", received_at=CLOSED_MS + HOUR_MS))
    judge(pipeline, client)
    rows = suggestion_rows(client)
    assert [(row["orphan"], row["case_no"]) for row in rows] == [
        ("330100-0001", "330100-0002"),
        ("330100-0001", "330100-9999"),
        ("330100-0001", "330100-0003"),
        ("330100-0001", "999999-8888888"),
        ("330100-0001", "330198-7777"),
    ]
    assert rows[0]["reasons"][0].startswith("标题相同")
    assert suggestion_rows(client, case_no="nobody") == []
