"""Registration, schedule and configuration side by side."""

from __future__ import annotations

from typing import Any

import pytest

from tests.oracle.configuration import ItemVerdict, item_findings
from tests.oracle.worlds import ITEM, World, closing, day, material, module, ms, registered, schedule, self_built, world

NOW_MS = ms("2018-04-01 00:00")
MAIN = "许可-00385-000"


def item(events: World, code: str = ITEM, policy: dict[str, Any] | None = None) -> ItemVerdict:
    """What is said of an item of unit ``U``."""
    return item_findings(events, NOW_MS, policy or {})["U", code]


def test_a_right_configuration_gives_no_finding():
    """Names may be spelled with blanks and in full width, materials in any order; what has a default may be left out."""
    assert item(world()) == ItemVerdict(expected_online=True, leaf=True, configured=True, findings=frozenset())
    short = [{"name": "申请表", "kind": "EVIDENCE"}]
    full = [material(code="")]
    assert item(world(archiving_schedule=[schedule(materials=full)], module_config=[module(materials=short)])).findings == frozenset()
    spelled = [each | {"name": f" {each['name']}\u3000"} for each in reversed(schedule()["materials"])]
    assert item(world(module_config=[module(item_name="公共 场所卫生许可", materials=spelled)])).findings == frozenset()


FIRST, *REST = schedule()["materials"]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"archiving_mode": "OFFLINE"}, "MODE_MISMATCH"),
        ({"archiving_mode": "UNKNOWN"}, "MODE_MISMATCH"),
        ({"retention": "PERMANENT"}, "RETENTION_MISMATCH"),
        ({"retention": "UNKNOWN"}, "RETENTION_MISMATCH"),
        ({"schedule_version": "2017-1"}, "VERSION_MISMATCH"),
        ({"item_name": "公共场所许可"}, "NAME_MISMATCH"),
        ({"materials": REST}, "MATERIAL_MISMATCH"),
        ({"materials": []}, "MATERIAL_MISMATCH"),
        ({"materials": [FIRST, *REST, material(name="照片", code="04")]}, "MATERIAL_MISMATCH"),
        *(
            ({"materials": [FIRST | {name: value}, *REST]}, "MATERIAL_MISMATCH")
            for name, value in {"kind": "RESULT", "name": "申请书", "code": "09", "required": False, "electronic": False}.items()
        ),
        ({"deleted": True}, "NOT_CONFIGURED"),
        ({"valid_from": day("2018-04-02")}, "NOT_CONFIGURED"),
        ({"valid_to": day("2018-03-31")}, "NOT_CONFIGURED"),
        ({"item_code": MAIN}, "NOT_CONFIGURED"),
        ({"unit_code": "V"}, "NOT_CONFIGURED"),
    ],
)
def test_any_one_changed_field_of_a_right_configuration_gives_exactly_one_finding(change: dict[str, Any], kind: str):
    """And nothing is found on any other item."""
    found = item_findings(world(module_config=[module(**change)]), NOW_MS)
    assert {key: each.findings for key, each in found.items() if each.findings} == {("U", ITEM): {kind}}
    assert found["U", ITEM].configured == (kind != "NOT_CONFIGURED")


def test_a_field_that_says_nothing_new_changes_nothing():
    """Identity and revision are no configuration."""
    assert item(world(module_config=[module(event_id="m2", revision=7, valid_from=day("2018-04-01"))])).findings == frozenset()


def test_without_an_approved_schedule_only_the_mode_is_compared():
    """The schedule is what is at fault then."""
    wrong = module(retention="PERMANENT", schedule_version="x", item_name="x", materials=[])
    for rows in ([], [schedule(approved=False)], [schedule(), schedule(event_id="s2", deleted=True)]):
        assert item(world(archiving_schedule=rows, module_config=[wrong])).findings == {"UNAPPROVED_SCHEDULE"}
        offline = [wrong | {"archiving_mode": "OFFLINE"}]
        assert item(world(archiving_schedule=rows, module_config=offline)).findings == {"UNAPPROVED_SCHEDULE", "MODE_MISMATCH"}


def test_what_is_not_configured_has_no_other_error():
    """A schedule that is not approved is told all the same; one that is not there is not missed yet."""
    assert item(world(module_config=[])).findings == {"NOT_CONFIGURED"}
    assert item(world(module_config=[], archiving_schedule=[])).findings == {"NOT_CONFIGURED"}
    unapproved = world(module_config=[], archiving_schedule=[schedule(approved=False)])
    assert item(unapproved).findings == {"NOT_CONFIGURED", "UNAPPROVED_SCHEDULE"}


@pytest.mark.parametrize("row", [registered(build_mode="VERTICAL"), self_built("OFFLINE"), self_built(plan_year=2019)])
def test_nobody_asks_for_the_configuration_of_what_is_not_expected_online(row: dict[str, Any]):
    """Configured or not."""
    for rows in ([], [module(retention="PERMANENT")]):
        found = item(world(item_registry=[row], module_config=rows))
        assert (found.expected_online, found.findings) == (False, frozenset())


def test_only_leaves_have_to_be_configured():
    """A main item is none while a registered item of the unit names it, by its row or by its code."""
    main = registered(event_id="r0", item_code=MAIN)

    def of_main(*rows: dict[str, Any]) -> tuple[bool, frozenset[str]]:
        found = item(world(item_registry=[main, *rows]), MAIN)
        return found.leaf, found.findings

    alone = (True, {"NOT_CONFIGURED"})
    assert of_main() == alone
    assert of_main(registered()) == (False, frozenset())
    assert of_main(registered(item_code="许可-00385-001-02")) == (False, frozenset())
    assert of_main(registered(item_code="确认-1-1", main_item_code="许可－00385－000")) == (False, frozenset())
    assert of_main(registered(main_item_code="许可-00999-000")) == alone
    assert of_main(registered(unit_code="V")) == alone
    assert of_main(registered(deleted=True)) == alone
    assert of_main(registered(valid_to=day("2018-03-31"))) == alone
    assert of_main(registered(build_mode="VERTICAL")) == (False, frozenset())


def test_today_decides_about_configuration():
    """The plan year too."""
    later = world(item_registry=[self_built(plan_year=2019)], module_config=[])
    assert item(later).findings == frozenset()
    assert item_findings(later, ms("2019-01-01 00:00"))["U", ITEM].findings == {"NOT_CONFIGURED"}


def test_a_counted_case_without_a_registration_on_its_closing_day_is_a_finding_on_its_item():
    """Whatever is registered and configured today; cases that are not counted say nothing."""
    late = world(item_registry=[registered(valid_from=day("2018-03-06"))])
    assert item(late).findings == {"UNREGISTERED_ITEM"}
    assert item(late | {"module-config": []}).findings == {"UNREGISTERED_ITEM", "NOT_CONFIGURED"}
    never = world(item_registry=[])
    assert item(never) == ItemVerdict(expected_online=True, leaf=True, configured=True, findings=frozenset({"UNREGISTERED_ITEM"}))
    assert item(never | {"module-config": [], "archiving-schedule": []}).configured is False
    assert item(never, policy={"count_unregistered": False}).findings == frozenset()
    assert item(never | {"case-closed": [closing(is_test=True)]}).findings == frozenset()


def test_every_item_that_anything_names_is_told():
    """Registry, schedule, configuration, and cases of no registered item."""
    events = world(
        item_registry=[registered(item_code="许可-1-0")],
        archiving_schedule=[schedule(item_code="许可-2-0")],
        module_config=[module(item_code="许可-3-0")],
    )
    assert set(item_findings(events, NOW_MS)) == {("U", code) for code in ("许可-1-0", "许可-2-0", "许可-3-0", ITEM)}
