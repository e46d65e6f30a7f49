"""Items of a unit: expected or not, configured as approved or not, registered or not; and what a changed row does to the past."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from streams.contracts import (
    ANOMALY_MISCONFIGURED,
    ARCHIVING_SCHEDULE,
    DEAD_LETTER,
    ITEM_REGISTRY,
    MODULE_CONFIG,
    UNIT_REGISTRY,
    WAIVER,
)
from streams.domain.coverage import HOUR
from streams.domain.finding import anomaly_id
from streams.domain.policy import Policy
from streams.domain.time import DAY_MS, OFFSET_MS
from tests.agents.pipeline import Pipeline
from tests.agents.test_cases import CLOSED_MS, DUE_MS, archive, closing

DAY = (CLOSED_MS + OFFSET_MS) // DAY_MS
ITEM = "许可-00387-000"
KEY = f"U1|{ITEM}"
MATERIALS = [
    {"kind": "EVIDENCE", "name": "申请表", "code": "E-01", "required": True, "electronic": True},
    {"kind": "RESULT", "name": "批准文件", "code": "R-01", "required": True, "electronic": True},
]
Row = dict[str, Any]


def registered(**given: Any) -> Row:
    """A row of the registry."""
    row = {"event_id": "i1", "unit_code": "U1", "item_code": ITEM, "item_name": "中医医疗广告审查", "build_mode": "MUNICIPAL", "note": ""}
    return {**row, "revision": 1, "valid_from": None, "valid_to": None, "deleted": False, **given}


def scheduled(**given: Any) -> Row:
    """An approved schedule."""
    row = {"event_id": "s1", "unit_code": "U1", "item_code": ITEM, "item_name": "中医医疗广告审查", "schedule_version": "2018-1"}
    return {**row, "revision": 1, "approved": True, "retention": "YEARS_30", "materials": MATERIALS, **given}


def configured(**given: Any) -> Row:
    """A configuration as approved."""
    row = {key: value for key, value in scheduled().items() if key != "approved"}
    return {**row, "event_id": "m1", "archiving_mode": "ONLINE", **given}


@pytest.fixture
def pipeline() -> Iterator[Pipeline]:
    """A partition, with one item that is right in every respect."""
    with Pipeline(now_ms=CLOSED_MS) as made:
        made.reference_record(ITEM_REGISTRY, registered())
        made.reference_record(ARCHIVING_SCHEDULE, scheduled())
        made.reference_record(MODULE_CONFIG, configured())
        made.tick(CLOSED_MS)
        assert made.open_anomalies() == set()
        yield made


def kinds(pipeline: Pipeline) -> list[str]:
    """Open findings of the item."""
    found: list[str] = pipeline.items()[KEY]["open_anomalies"]
    return found


MUTATIONS: dict[str, tuple[Row, str]] = {
    "item_name": ({"item_name": "中医广告"}, "NAME_MISMATCH"),
    "schedule_version": ({"schedule_version": "2017-1"}, "VERSION_MISMATCH"),
    "archiving_mode": ({"archiving_mode": "OFFLINE"}, "MODE_MISMATCH"),
    "retention": ({"retention": "YEARS_10"}, "RETENTION_MISMATCH"),
    "a material less": ({"materials": MATERIALS[:1]}, "MATERIAL_MISMATCH"),
    "a material more": ({"materials": [*MATERIALS, {**MATERIALS[0], "code": "E-02"}]}, "MATERIAL_MISMATCH"),
    **{
        f"material {field}": ({"materials": [{**MATERIALS[0], field: value}, MATERIALS[1]]}, "MATERIAL_MISMATCH")
        for field, value in {"kind": "PROCEDURE", "name": "另一表", "code": "E-09", "required": False, "electronic": False}.items()
    },
    "valid_to": ({"valid_to": DAY - 1}, "NOT_CONFIGURED"),
    "valid_from": ({"valid_from": DAY + 1}, "NOT_CONFIGURED"),
    "deleted": ({"deleted": True}, "NOT_CONFIGURED"),
    "unit_code": ({"unit_code": "U9"}, "NOT_CONFIGURED"),
    "item_code": ({"item_code": "许可-00388-000"}, "NOT_CONFIGURED"),
}


@pytest.mark.parametrize("field", MUTATIONS)
def test_any_one_changed_field_of_a_right_configuration_is_one_finding_and_repairing_it_resolves_that_one(field: str) -> None:
    """Issue of the notice: 每发现一次归档模块配置信息错误扣 2 分, once."""
    change, kind = MUTATIONS[field]
    with Pipeline(now_ms=CLOSED_MS) as pipeline:
        pipeline.reference_record(ITEM_REGISTRY, registered())
        pipeline.reference_record(ARCHIVING_SCHEDULE, scheduled())
        pipeline.reference_record(MODULE_CONFIG, configured(**change))
        assert pipeline.open_anomalies() == {(KEY, kind)}
        pipeline.reference_record(MODULE_CONFIG, configured(event_id="m2", revision=2))
        assert pipeline.open_anomalies() == set()
        assert pipeline.told(ANOMALY_MISCONFIGURED)[-1] == (kind, "RESOLVED", "CORRECTED")


def test_names_are_compared_without_blanks_and_width(pipeline: Pipeline) -> None:
    """A full-width bracket is no error of configuration."""
    pipeline.reference_record(MODULE_CONFIG, configured(event_id="m2", revision=2, item_name=" 中医 医疗广告审查"))
    assert kinds(pipeline) == []


def test_a_configuration_differs_from_a_schedule_since_the_later_of_the_two_is_valid(pipeline: Pipeline) -> None:
    """A new schedule makes news of what was configured long ago."""
    pipeline.reference_record(MODULE_CONFIG, configured(event_id="m2", revision=2, valid_from=DAY - 100))
    pipeline.reference_record(ARCHIVING_SCHEDULE, scheduled(event_id="s2", revision=2, schedule_version="2018-2", valid_from=DAY))
    (finding,) = pipeline.items()[KEY]["findings"]
    assert (finding["kind"], finding["since"], finding["backfill"]) == ("VERSION_MISMATCH", DAY * DAY_MS - OFFSET_MS, False)
    pipeline.reference_record(MODULE_CONFIG, configured(event_id="m3", revision=3, schedule_version="2018-2", retention="YEARS_10"))
    (finding,) = pipeline.items()[KEY]["findings"]
    assert (finding["kind"], finding["since"]) == ("RETENTION_MISMATCH", DAY * DAY_MS - OFFSET_MS)


def test_a_main_item_that_is_registered_itself_is_its_own_main_item_by_name_too(pipeline: Pipeline) -> None:
    """附件1 names it once."""
    state = pipeline.items()[KEY]
    assert (state["main_item_code"], state["main_item_name"]) == (ITEM, "中医医疗广告审查")


def test_an_item_without_configuration_is_told_until_it_has_one(pipeline: Pipeline) -> None:
    """考核细则: 未配置扣 10 分."""
    pipeline.reference_record(MODULE_CONFIG, configured(revision=2, deleted=True))
    assert kinds(pipeline) == ["NOT_CONFIGURED"]
    assert pipeline.items()[KEY]["configured"] is False


@pytest.mark.parametrize("change", [{"build_mode": "VERTICAL"}, {"build_mode": "SELF_BUILT", "archiving_mode": "OFFLINE"}])
def test_an_item_that_is_not_expected_online_is_not_asked_to_be_configured(pipeline: Pipeline, change: Row) -> None:
    """Domain: only leaf items expected online."""
    pipeline.reference_record(MODULE_CONFIG, configured(revision=2, deleted=True))
    pipeline.reference_record(ITEM_REGISTRY, registered(revision=2, **change))
    assert kinds(pipeline) == []


def test_a_main_item_with_sub_items_is_not_asked_to_be_configured(pipeline: Pipeline) -> None:
    """And is again when its last sub-item goes."""
    pipeline.reference_record(MODULE_CONFIG, configured(revision=2, deleted=True))
    sub = registered(event_id="i2", item_code="许可-00387-001", main_item_code=ITEM)
    pipeline.reference_record(ITEM_REGISTRY, sub)
    assert kinds(pipeline) == []
    assert pipeline.items()["U1|许可-00387-001"]["open_anomalies"] == ["NOT_CONFIGURED"]
    pipeline.reference_record(ITEM_REGISTRY, {**sub, "revision": 2, "deleted": True})
    assert kinds(pipeline) == ["NOT_CONFIGURED"]


@pytest.mark.parametrize("change", [{"revision": 2}, {"event_id": "i2", "note": "x"}], ids=["a new row", "another content of the same row"])
def test_a_main_item_is_asked_again_when_its_last_sub_item_goes_to_another(pipeline: Pipeline, change: Row) -> None:
    """Though the row that takes it away does not name it."""
    pipeline.reference_record(MODULE_CONFIG, configured(revision=2, deleted=True))
    sub = registered(event_id="i2", item_code="许可-00388-001", main_item_code=ITEM)
    pipeline.reference_record(ITEM_REGISTRY, sub)
    assert kinds(pipeline) == []
    pipeline.reference_record(ITEM_REGISTRY, {**sub, "main_item_code": "许可-00388-000", **change})
    assert kinds(pipeline) == ["NOT_CONFIGURED"]


def test_a_schedule_that_is_not_approved_is_told_and_nothing_is_compared_with_it(pipeline: Pipeline) -> None:
    """Domain: UNAPPROVED_SCHEDULE costs nothing."""
    pipeline.reference_record(ARCHIVING_SCHEDULE, scheduled(revision=2, approved=False, retention="PERMANENT"))
    assert kinds(pipeline) == ["UNAPPROVED_SCHEDULE"]


def test_a_validity_that_begins_changes_the_findings_on_its_first_day(pipeline: Pipeline) -> None:
    """With time alone, no event."""
    pipeline.reference_record(ARCHIVING_SCHEDULE, scheduled(event_id="s2", revision=2, retention="PERMANENT", valid_from=DAY + 2))
    assert kinds(pipeline) == []
    begins_ms = (DAY + 2) * DAY_MS - OFFSET_MS
    pipeline.tick(begins_ms - 1)
    assert kinds(pipeline) == []
    pipeline.tick(begins_ms)
    assert kinds(pipeline) == ["RETENTION_MISMATCH"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"build_mode": "VERTICAL"}, "VERTICAL"),
        ({"build_mode": "SELF_BUILT", "archiving_mode": "OFFLINE", "plan_year": 2018}, "OFFLINE"),
        ({"build_mode": "SELF_BUILT", "archiving_mode": "ONLINE", "plan_year": 2019}, "PLANNED_LATER"),
        ({"build_mode": "SELF_BUILT", "archiving_mode": "UNKNOWN", "plan_year": 2018}, "MODE_UNKNOWN"),
        ({"build_mode": "SELF_BUILT", "archiving_mode": "ONLINE", "plan_year": 2018}, ""),
        ({"build_mode": "PROVINCIAL"}, ""),
        ({"build_mode": "UNKNOWN"}, ""),
    ],
)
def test_a_corrected_row_of_the_registry_corrects_what_rests_on_it_for_the_past_too(pipeline: Pipeline, change: Row, reason: str) -> None:
    """The case was overdue; whether it counts follows the row, and the counts and the finding follow the case."""
    pipeline.closings(closing())
    pipeline.tick(DUE_MS)
    assert ("c", "UNARCHIVED") in pipeline.open_anomalies()
    pipeline.reference_record(ITEM_REGISTRY, registered(revision=2, **change))
    state = pipeline.state("c")
    assert (state["status"], state["reason"]) == (("EXCLUDED", reason) if reason else ("UNARCHIVED", "NONE_RECEIVED"))
    assert (("c", "UNARCHIVED") in pipeline.open_anomalies()) == (not reason)
    counted = [bucket for bucket in pipeline.buckets() if bucket["unarchived"]]
    assert bool(counted) == (not reason)
    pipeline.reference_record(ITEM_REGISTRY, registered(event_id="i9", revision=9))
    assert ("c", "UNARCHIVED") in pipeline.open_anomalies()


def test_the_row_of_the_closing_day_decides(pipeline: Pipeline) -> None:
    """An item that went offline the day after still owes yesterday's archives."""
    pipeline.reference_record(ITEM_REGISTRY, registered(event_id="i2", revision=2, build_mode="VERTICAL", valid_from=DAY + 1))
    pipeline.closings(closing(), closing(case_no="d", closed_at=CLOSED_MS + DAY_MS))
    assert (pipeline.state("c")["status"], pipeline.state("d")["reason"]) == ("AWAITING", "VERTICAL")


def test_a_case_of_an_unregistered_item_is_counted_and_told_until_the_last_one_is_corrected(pipeline: Pipeline) -> None:
    """UNREGISTERED_ITEM rests on the cases: none left, none told."""
    other = "许可-00999-000"
    pipeline.closings(closing(item_code=other), closing(case_no="d", item_code="许可－００９９９－０００"))
    assert pipeline.state("c")["flags"] == ["UNREGISTERED_ITEM"]
    assert pipeline.open_anomalies() == {(f"U1|{other}", "UNREGISTERED_ITEM")}
    pipeline.closings(closing(event_id="e2", revision=2))
    assert pipeline.open_anomalies() == {(f"U1|{other}", "UNREGISTERED_ITEM")}
    pipeline.closings(closing(case_no="d", event_id="e2", revision=2))
    assert pipeline.open_anomalies() == set()


def test_registering_an_item_resolves_it_and_asks_for_its_configuration(pipeline: Pipeline) -> None:
    """From a case's closing day on."""
    other = "许可-00999-000"
    pipeline.closings(closing(item_code=other))
    pipeline.reference_record(ITEM_REGISTRY, registered(event_id="i7", item_code=other))
    assert pipeline.open_anomalies() == {(f"U1|{other}", "NOT_CONFIGURED")}
    assert pipeline.state("c")["flags"] == []


def test_unregistered_items_may_be_left_out_of_the_count() -> None:
    """policy.count_unregistered."""
    with Pipeline(Policy(count_unregistered=False), now_ms=CLOSED_MS) as pipeline:
        pipeline.closings(closing())
        assert (pipeline.state("c")["status"], pipeline.state("c")["reason"]) == ("EXCLUDED", "UNREGISTERED_ITEM")


def test_a_unit_that_moves_to_another_district_takes_its_items_along(pipeline: Pipeline) -> None:
    """And tells the open finding again, under its old id."""
    pipeline.reference_record(MODULE_CONFIG, configured(revision=2, deleted=True))
    for revision, district in ((1, "330106"), (2, "330108"), (3, "330106")):
        row = {"event_id": f"u{revision}", "unit_code": "U1", "unit_name": "卫健委", "district_name": ""}
        pipeline.reference_record(UNIT_REGISTRY, {**row, "revision": revision, "district_code": district})
    told = [each for each in pipeline.anomalies(ANOMALY_MISCONFIGURED) if each["kind"] == "NOT_CONFIGURED"]
    assert [each["district_code"] for each in told[-4:]] == ["UNKNOWN", "330106", "330108", "330106"]
    assert len({each["anomaly_id"] for each in told}) == 1
    ids = [dict(message.headers)["ce_id"] for message in pipeline.messages if message.topic == ANOMALY_MISCONFIGURED]
    assert len(set(ids)) == len(ids)


def test_an_open_finding_is_told_again_when_unit_or_main_item_are_called_otherwise_and_for_nothing_else(pipeline: Pipeline) -> None:
    """Subscribers hold what the item says now; what they are not told of an item is no news of its findings."""
    before = len(pipeline.anomalies(ANOMALY_MISCONFIGURED))
    pipeline.reference_record(MODULE_CONFIG, configured(revision=2, deleted=True))
    unit = {"event_id": "u1", "unit_code": "U1", "unit_name": "卫健委", "district_code": "330106", "district_name": ""}
    pipeline.reference_record(UNIT_REGISTRY, unit)
    pipeline.reference_record(UNIT_REGISTRY, unit | {"revision": 2, "unit_name": "卫生健康委"})
    pipeline.reference_record(ITEM_REGISTRY, registered(revision=2, main_item_code="许可-00385-000"))
    pipeline.reference_record(ITEM_REGISTRY, registered(revision=3, main_item_code="许可-00385-000", case_count_2017=80, note="备注"))
    pipeline.reference_record(ARCHIVING_SCHEDULE, scheduled(revision=2, schedule_version="2018-2"))
    pipeline.tick(CLOSED_MS + DAY_MS)
    told = pipeline.anomalies(ANOMALY_MISCONFIGURED)[before:]
    assert [(each["unit_name"], each["district_code"], each["main_item_code"]) for each in told] == [
        ("", "UNKNOWN", ITEM),
        ("卫健委", "330106", ITEM),
        ("卫生健康委", "330106", ITEM),
        ("卫生健康委", "330106", "许可-00385-000"),
    ]
    assert len(set(ids(pipeline))) == len(ids(pipeline))


def test_a_waiver_is_told_with_the_finding_and_ends_by_itself(pipeline: Pipeline) -> None:
    """Domain: it takes a finding out of the score, visibly."""
    pipeline.reference_record(MODULE_CONFIG, configured(revision=2, deleted=True))
    waiver = {
        "event_id": "w1",
        "anomaly_id": anomaly_id("NOT_CONFIGURED", KEY),
        "author": "市档案局",
        "reason": "系统升级",
        "until": DAY + 1,
    }
    pipeline.reference_record(WAIVER, waiver)
    last = pipeline.anomalies(ANOMALY_MISCONFIGURED)[-1]
    assert (last["state"], last["waived"], last["waived_by"], last["waived_until"]) == ("OPENED", True, "市档案局", DAY + 1)
    pipeline.tick((DAY + 2) * DAY_MS - OFFSET_MS - 1)
    assert pipeline.anomalies(ANOMALY_MISCONFIGURED)[-1]["waived"] is True
    pipeline.tick((DAY + 2) * DAY_MS - OFFSET_MS)
    assert pipeline.anomalies(ANOMALY_MISCONFIGURED)[-1]["waived"] is False


def test_a_waiver_of_a_case_comes_before_or_after_its_finding(pipeline: Pipeline) -> None:
    """Rows may come in any order."""
    waiver = {"event_id": "w1", "anomaly_id": anomaly_id("UNARCHIVED", "c"), "author": "市档案局", "reason": "系统升级", "until": DAY + 900}
    pipeline.reference_record(WAIVER, waiver)
    pipeline.closings(closing())
    pipeline.tick(DUE_MS)
    assert pipeline.anomalies()[-1]["waived"] is True
    pipeline.reference_record(WAIVER, {**waiver, "revision": 2, "deleted": True})
    assert pipeline.anomalies()[-1]["waived"] is False


def test_a_waiver_that_is_prolonged_from_a_later_day_or_withdrawn_from_one_holds_until_then(pipeline: Pipeline) -> None:
    """Domain: of a day the highest row counts among those whose validity covers it."""
    pipeline.reference_record(MODULE_CONFIG, configured(revision=2, deleted=True))
    waiver = {"event_id": "w1", "anomaly_id": anomaly_id("NOT_CONFIGURED", KEY), "author": "市档案局", "reason": "系统升级"}
    rows = [
        {"revision": 1, "until": DAY + 2},
        {"revision": 2, "until": DAY + 6, "valid_from": DAY + 3, "reason": "再次升级"},
        {"revision": 3, "until": DAY + 9, "valid_from": DAY + 5, "deleted": True},
    ]
    for row in rows:
        pipeline.reference_record(WAIVER, {**waiver, **row})
    held = []
    for day in range(7):
        pipeline.tick(CLOSED_MS + day * DAY_MS)
        (finding,) = pipeline.items()[KEY]["findings"]
        held.append((finding["waived"], finding["waived_reason"]))
    assert held == [(True, "系统升级")] * 3 + [(True, "再次升级")] * 2 + [(False, "")] * 2
    assert len(set(ids(pipeline))) == len(ids(pipeline))


@pytest.mark.parametrize("given", [{"plan_year": 20189}, {"plan_year": 18}, {"valid_from": 2**31 - 1}, {"valid_to": -(2**31)}])
def test_a_row_with_a_date_that_no_calendar_has_goes_to_dead_letter_and_nothing_ends(pipeline: Pipeline, given: Row) -> None:
    """A digit too many; what the row would have said is not said."""
    pipeline.reference_record(ITEM_REGISTRY, registered(revision=2, build_mode="VERTICAL", **given))
    (dead,) = [message for message in pipeline.messages if message.topic == DEAD_LETTER]
    assert dict(dead.headers)["guidang-reason"] == b"DATE_OUT_OF_RANGE"
    assert pipeline.items()[KEY]["build_mode"] == "MUNICIPAL"


@pytest.mark.parametrize("given", [{"plan_year": 2099}, {"plan_year": 0}, {"valid_from": -719_162, "valid_to": 2_932_896}])
def test_the_first_and_last_dates_of_a_calendar_are_taken(pipeline: Pipeline, given: Row) -> None:
    """Year 1 to 9999, as those write who mean for ever."""
    pipeline.reference_record(ITEM_REGISTRY, registered(revision=2, build_mode="VERTICAL", **given))
    assert pipeline.items()[KEY]["build_mode"] == "VERTICAL"


def test_a_configuration_valid_since_year_one_is_one_since_ever(pipeline: Pipeline) -> None:
    """So do programs write *open*; the time that the finding speaks of is none in UTC."""
    pipeline.reference_record(MODULE_CONFIG, configured(revision=2, retention="YEARS_10", valid_from=-719_162))
    (finding,) = pipeline.items()[KEY]["findings"]
    assert (finding["kind"], finding["since"]) == ("RETENTION_MISMATCH", None)


def test_a_configuration_too_large_to_be_told_goes_to_dead_letter(pipeline: Pipeline) -> None:
    """Five thousand materials, of which a finding would name each."""
    materials = [{**MATERIALS[0], "code": f"E-{number}"} for number in range(5_000)]
    pipeline.reference_record(MODULE_CONFIG, configured(revision=2, materials=materials))
    (dead,) = [message for message in pipeline.messages if message.topic == DEAD_LETTER]
    assert dict(dead.headers)["guidang-reason"] == b"RECORD_TOO_LARGE"
    assert kinds(pipeline) == []


def test_a_reference_record_that_cannot_be_read_goes_to_dead_letter_once_with_its_bytes(pipeline: Pipeline) -> None:
    """And its neighbours are taken."""
    pipeline.reference_raw(ITEM_REGISTRY, b"U1|x", b"{not avro}")
    pipeline.reference_record(MODULE_CONFIG, configured(revision=2, deleted=True))
    (dead,) = [message for message in pipeline.messages if message.topic == DEAD_LETTER]
    assert (dead.key, dead.value) == (b"U1|x", b"{not avro}")
    assert dict(dead.headers)["guidang-reason"] == b"NOT_FRAMED"
    assert dict(dead.headers)["guidang-topic"] == ITEM_REGISTRY.encode()
    assert kinds(pipeline) == ["NOT_CONFIGURED"]


def test_an_archive_of_an_excluded_item_is_still_an_official_one(pipeline: Pipeline) -> None:
    """Official counts archive numbers and case numbers, whatever is expected."""
    pipeline.reference_record(ITEM_REGISTRY, registered(revision=2, build_mode="VERTICAL"))
    pipeline.closings(closing())
    pipeline.archives(archive())
    sums = pipeline.buckets(HOUR)
    assert (sum(b["official_closed"] for b in sums), sum(b["official_archived"] for b in sums)) == (1, 1)


def ids(pipeline: Pipeline) -> list[bytes]:
    """``ce_id`` of everything told about items, in order."""
    return [dict(message.headers)["ce_id"] for message in pipeline.messages if message.topic == ANOMALY_MISCONFIGURED]


def test_what_is_told_again_after_something_else_was_told_is_a_new_message(pipeline: Pipeline) -> None:
    """A validity that ends, a waiver that ends or is given again, a last case that goes and another that comes."""
    pipeline.reference_record(MODULE_CONFIG, configured(event_id="m2", revision=2, deleted=True))
    pipeline.reference_record(MODULE_CONFIG, configured(event_id="m3", revision=3, valid_from=DAY + 2, valid_to=DAY + 3))
    for day in (1, 2, 4):
        pipeline.tick(CLOSED_MS + day * DAY_MS)
    words = [word for kind, word, _ in pipeline.told(ANOMALY_MISCONFIGURED) if kind == "NOT_CONFIGURED"]
    assert words[-3:] == ["OPENED", "RESOLVED", "OPENED"]
    pipeline.reference_record(MODULE_CONFIG, configured(event_id="m4", revision=4, schedule_version="2017-1"))
    pipeline.reference_record(MODULE_CONFIG, configured(event_id="m5", revision=5, deleted=True))
    waiver = {"event_id": "w1", "anomaly_id": anomaly_id("NOT_CONFIGURED", KEY), "author": "市档案局", "reason": "系统升级"}
    waiver |= {"revision": 1, "valid_from": DAY + 6, "until": DAY + 7}
    pipeline.reference_record(WAIVER, waiver)
    pipeline.tick(CLOSED_MS + 6 * DAY_MS)
    pipeline.tick(CLOSED_MS + 8 * DAY_MS)
    for revision in (2, 3, 4):
        pipeline.reference_record(WAIVER, {**waiver, "revision": revision, "until": DAY + 20, "deleted": revision == 3})
    other = {"item_code": "许可-00999-000"}
    pipeline.closings(closing(**other))
    pipeline.closings(closing(**other, event_id="c2", revision=2, deleted=True))
    pipeline.closings(closing(**other, event_id="c3", revision=3))
    words = [word for kind, word, _ in pipeline.told(ANOMALY_MISCONFIGURED) if kind == "UNREGISTERED_ITEM"]
    assert words == ["OPENED", "RESOLVED", "OPENED"]
    assert len(set(ids(pipeline))) == len(ids(pipeline)) >= 12
