"""Quality findings: a closing beside its accepted archives."""

from __future__ import annotations

from typing import Any

import pytest

from tests.oracle.oracle import judge
from tests.oracle.verdict import Verdict
from tests.oracle.worlds import Record, day, material, ms, registered, schedule, sent, world

NOW_MS = ms("2018-04-01 00:00")


def verdict(closing: dict[str, Any] | None = None, archive: dict[str, Any] | None = None, **topics: Any) -> Verdict:
    """The case of a world that is right but for what is given."""
    events = world(**topics)
    events["case-closed"] = [events["case-closed"][0] | (closing or {})]
    events["archive-received"] = [events["archive-received"][0] | (archive or {}), *topics.get("archive_received", [])[1:]]
    return judge(events, NOW_MS)["c"]


def test_a_right_case_has_no_finding():
    """The world that the others change."""
    assert (verdict().status, verdict().anomalies, verdict().flags) == ("ARCHIVED", frozenset(), frozenset())


@pytest.mark.parametrize(
    "title",
    [
        "公共场所卫生许可",
        "《公共场所卫生许可》",
        "公共 场所-卫生许可。",
        "办理公共场所卫生许可",
        "公共场所卫生许可办理办理",
        "某局公共场所卫生许可",
        "公共场所卫生许可（某局）",
        "某局办理公共场所卫生许可",
    ],
)
def test_a_title_that_is_the_items_name_is_a_finding(title: str):
    """With the unit's name, 办理, brackets or punctuation, on the closing or on an accepted archive."""
    assert verdict({"title": title}, {"title": ""}).anomalies == {"TITLE_IS_ITEM_NAME"}
    assert verdict({"title": ""}, {"title": title}).anomalies == {"TITLE_IS_ITEM_NAME"}


@pytest.mark.parametrize(
    "title", ["王伟公共场所卫生许可", "公共场所卫生", "某局", "", "办理", "别局公共场所卫生许可", "某局公共场所卫生许可某局"]
)
def test_a_title_that_says_more_or_less_is_none(title: str):
    """An empty one too, and a unit's name alone."""
    assert verdict({"title": title}, {"title": title}).anomalies == frozenset()


def test_full_width_letters_and_capitals_are_the_same_letters():
    """NFKC, case folded."""
    assert verdict({"title": "ＡＢＣ许可", "item_name": "abc许可"}, {"title": ""}).anomalies == {"TITLE_IS_ITEM_NAME"}


def test_the_registrys_names_are_names_too():
    """Of the item and of the unit, on the closing day."""
    titled = {"item_name": "旧名", "unit_name": "旧局", "title": "新局公共场所卫生许可"}, {"title": ""}
    units = [{"event_id": "u", "unit_code": "U", "unit_name": "新局", "district_code": "330106"}]
    assert verdict(*titled, unit_registry=units).anomalies == {"TITLE_IS_ITEM_NAME"}
    assert verdict(*titled).anomalies == frozenset()
    later = [registered(valid_from=day("2018-03-06"))]
    assert verdict(*titled, unit_registry=units, item_registry=later).anomalies == frozenset()


def test_a_case_without_an_item_name_has_no_title_that_is_one():
    """Nothing is the name of nothing."""
    assert verdict({"title": "某局", "item_name": ""}, {"title": ""}, item_registry=[registered(item_name="")]).anomalies == frozenset()


@pytest.mark.parametrize(
    ("more", "anomalies"),
    [
        ({"is_test": True}, {"TEST_CASE"}),
        ({"is_test": True, "closing_state": "VOIDED", "item_code": "服务-1-0", "title": "公共场所卫生许可"}, {"TEST_CASE"}),
        ({"is_test": True, "deleted": True}, set()),
        ({"closing_state": "VOIDED", "title": "公共场所卫生许可"}, set()),
    ],
)
def test_of_an_excluded_case_only_that_a_test_was_archived_is_a_finding(more: dict[str, Any], anomalies: set[str]):
    """Unless the closing is a deletion."""
    assert (verdict(more).status, verdict(more).anomalies) == ("EXCLUDED", anomalies)
    assert verdict(more, {"receipt": "UNPACK_FAILED"}).anomalies == frozenset()


@pytest.mark.parametrize(
    "title",
    [
        *("王伟测试申请", "TEST", "ｔｅｓｔ 1", "申请11111", "latest"),
        *("王伟测 试申请", "申请T EST", "t e s t", "1 1 1 1 1", "第1 1111次", "1 1 1 1 1 12"),
    ],
)
def test_a_title_that_says_test_is_only_a_suspicion(title: str):
    """A flag; no finding. Blanks in it change nothing."""
    found = verdict({"title": title}, {"title": title})
    assert (found.flags, found.anomalies) == ({"SUSPECTED_TEST"}, frozenset())


@pytest.mark.parametrize("title", ["late st", "best est", "t ester", "111 112", "2111 11", "1111", "1 1 1 1", "测量考试"])
def test_words_and_numbers_that_blanks_part_are_no_test_together(title: str):
    """Nor is what only begins like one."""
    assert verdict({"title": title}, {"title": title}).flags == frozenset()


@pytest.mark.parametrize("place", range(3))
def test_a_required_material_that_no_accepted_archive_has_is_missing(place: int):
    """Each kind by its name."""
    materials = schedule()["materials"]
    kind = materials[place]["kind"]
    assert verdict(archive={"materials": sent(*materials[:place], *materials[place + 1 :])}).anomalies == {f"MISSING_{kind}"}


@pytest.mark.parametrize(
    ("there", "missing"),
    [
        ({"kind": "RESULT", "name": "别的", "code": "01"}, False),
        ({"kind": "EVIDENCE", "name": "申 请表", "code": ""}, False),
        ({"kind": "UNKNOWN", "name": "申请表", "code": "77"}, False),
        ({"kind": "RESULT", "name": "申请表", "code": ""}, True),
        ({"kind": "PROCEDURE", "name": "申请表", "code": ""}, True),
        ({"kind": "EVIDENCE", "name": "申请", "code": ""}, True),
    ],
)
def test_a_material_is_known_by_its_code_or_by_its_name_under_its_kind(there: Record, missing: bool):
    """UNKNOWN is any kind."""
    _, *rest = schedule()["materials"]
    found = verdict(archive={"materials": sent(there, *rest)}).anomalies
    assert found == ({"MISSING_EVIDENCE"} if missing else frozenset())


def test_an_empty_code_identifies_nothing():
    """Two materials without codes are not the same."""
    rows = [schedule(materials=[material(code="")])]
    assert verdict(archive={"materials": sent(material(name="照片", code=""))}, archiving_schedule=rows).anomalies == {"MISSING_EVIDENCE"}


@pytest.mark.parametrize(
    ("asked", "there", "missing"),
    [
        ({"name": "", "code": ""}, {"name": "", "code": ""}, False),
        ({"name": "", "code": ""}, {"name": "", "code": "01"}, False),
        ({"name": "", "code": ""}, {"name": "申请表", "code": ""}, True),
        ({"name": "", "code": ""}, {"name": "", "code": "", "kind": "RESULT"}, True),
        ({"name": "", "code": "01"}, {"name": "", "code": ""}, True),
        ({"name": "", "code": "01"}, {"name": "", "code": " ０１"}, False),
    ],
)
def test_an_empty_name_is_one_only_of_what_has_no_code_either(asked: Record, there: Record, missing: bool):
    """Equal is equal; but what the schedule gives a code is not every material that nobody named."""
    rows = [schedule(materials=[material(**asked)])]
    found = verdict(archive={"materials": sent(material(**there))}, archiving_schedule=rows).anomalies
    assert found == ({"MISSING_EVIDENCE"} if missing else frozenset())


@pytest.mark.parametrize("change", [{"required": False}, {"electronic": False}, {"kind": "UNKNOWN"}])
def test_only_required_electronic_materials_of_a_known_kind_are_asked_for(change: dict[str, Any]):
    """The rest may come or not."""
    rows = [schedule(materials=[material(**change)])]
    assert verdict(archive={"materials": []}, archiving_schedule=rows).anomalies == frozenset()


def test_the_approved_schedule_of_the_closing_day_says_what_is_missing():
    """A later one, one that is not approved, and another unit's do not."""
    none = {"materials": []}
    for rows in ([], [schedule(approved=False)], [schedule(valid_from=day("2018-03-06"))], [schedule(unit_code="V")]):
        assert verdict(archive=none, archiving_schedule=rows).anomalies == frozenset()
    rows = [schedule(valid_to=day("2018-03-05")), schedule(event_id="s2", valid_from=day("2018-03-06"), materials=[])]
    assert verdict(archive=none, archiving_schedule=rows).anomalies == {"MISSING_EVIDENCE", "MISSING_PROCEDURE", "MISSING_RESULT"}
    assert verdict(archive=none, item_registry=[]).anomalies == {"MISSING_EVIDENCE", "MISSING_PROCEDURE", "MISSING_RESULT"}


def test_archives_complete_each_other_and_without_any_nothing_is_missing():
    """What was not archived is UNARCHIVED, and that is all."""
    first, *rest = schedule()["materials"]
    (one,) = world()["archive-received"]
    other = one | {"event_id": "a2", "archive_no": "A2", "materials": sent(first)}
    assert verdict(archive={"materials": sent(*rest)}, archive_received=[one, other]).anomalies == {"DUPLICATE_ARCHIVE"}
    assert verdict(archive={"receipt": "UNPACK_FAILED", "materials": []}).anomalies == {"UNARCHIVED", "REFUSED"}


@pytest.mark.parametrize(
    ("archive", "differs"),
    [
        ({"item_code": "许可-00385-000"}, True),
        ({"item_code": "许可－００３８５－００１"}, False),
        ({"title": "李娜申请卫生许可"}, True),
        ({"title": "王伟申请 卫生许可\u3000"}, False),
        ({"title": ""}, False),
        ({"unit_code": "V"}, False),
        ({"receipt": "UNKNOWN", "title": "李娜申请"}, False),
    ],
)
def test_an_accepted_archive_has_the_item_and_the_title_of_the_closing(archive: dict[str, Any], differs: bool):
    """An empty title says nothing, and the unit never is compared."""
    assert ("CASE_INFO_MISMATCH" in verdict(archive=archive).anomalies) == differs
    assert verdict({"title": ""}).anomalies == frozenset()


def test_an_archive_speaks_by_its_earliest_acceptance():
    """Of each number that stands."""
    (one,) = world()["archive-received"]
    later = one | {"event_id": "a2", "received_at": one["received_at"] + 1, "title": "李娜申请", "materials": []}
    assert verdict(archive_received=[one, later]).anomalies == frozenset()
    earlier = later | {"received_at": one["received_at"] - 1}
    assert "CASE_INFO_MISMATCH" in verdict(archive_received=[one, earlier]).anomalies


@pytest.mark.parametrize(
    ("accepted_at", "received_at", "invalid"),
    [
        ("2018-03-05 10:00", "2018-03-06 02:00", False),
        ("2018-03-05 10:00:00.001", "2018-03-06 02:00", True),
        ("1992-01-01 00:00", "2018-03-06 02:00", False),
        ("1991-12-31 23:59:59.999", "2018-03-06 02:00", True),
        ("1970-01-01 08:00", "2018-03-06 02:00", True),
        ("2018-03-01 09:00", "2018-03-01 09:00", False),
        ("2018-03-01 09:00", "2018-03-01 08:59:59.999", True),
    ],
)
def test_times_have_their_order_and_their_century(accepted_at: str, received_at: str, invalid: bool):
    """Accepted, then closed; accepted, then received; no earlier than 1992."""
    found = verdict({"accepted_at": ms(accepted_at)}, {"received_at": ms(received_at)})
    assert found.anomalies == ({"TIME_INVALID"} if invalid else frozenset())


def test_times_from_2100_on_are_invalid():
    """Closed even later."""
    for accepted_at, invalid in (("2099-12-31 23:59:59.999", False), ("2100-01-01 00:00", True)):
        found = verdict({"accepted_at": ms(accepted_at), "closed_at": ms("2100-02-01 00:00")}, {"received_at": ms("2100-02-02 00:00")})
        assert ("TIME_INVALID" in found.anomalies) == invalid
