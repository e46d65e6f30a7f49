"""Whether an item is expected online, and what its cases are excluded as."""

from __future__ import annotations

from typing import Any

import pytest

from tests.oracle.oracle import judge
from tests.oracle.verdict import Verdict
from tests.oracle.worlds import closing, day, ms, registered, self_built

NOW_MS = ms("2018-04-01 00:00")


def verdict(rows: list[dict[str, Any]], policy: dict[str, Any] | None = None, **more: Any) -> Verdict:
    """The case beside rows of item-registry."""
    return judge({"case-closed": [closing(**more)], "item-registry": rows}, NOW_MS, policy or {})["c"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (registered(build_mode="PROVINCIAL"), ""),
        (registered(build_mode="MUNICIPAL"), ""),
        (self_built(), ""),
        (self_built(plan_year=0), ""),
        (self_built(plan_year=2019), "PLANNED_LATER"),
        (self_built("OFFLINE"), "OFFLINE"),
        (self_built("OFFLINE", 2019), "OFFLINE"),
        (self_built("UNKNOWN"), "MODE_UNKNOWN"),
        (registered(build_mode="SELF_BUILT"), "MODE_UNKNOWN"),
        (registered(build_mode="VERTICAL"), "VERTICAL"),
        (registered(build_mode="UNKNOWN"), ""),
        (registered(build_mode="MUNICIPAL", archiving_mode="OFFLINE", plan_year=2019), ""),
    ],
)
def test_the_build_mode_says_whether_archives_are_expected(row: dict[str, Any], reason: str):
    """Plan and mode speak of self-built items only; an UNKNOWN build mode is counted, and told."""
    found = verdict([row])
    assert (found.counted, found.reason if reason else "") == (not reason, reason)
    assert found.flags == ({"UNKNOWN_BUILD_MODE"} if row["build_mode"] == "UNKNOWN" else frozenset())


def test_an_item_that_is_not_registered_is_counted_and_told():
    """Unless policy says otherwise; the main item's registration is not the sub-item's."""
    for rows in ([], [registered(item_code="许可-00385-000")], [registered(unit_code="V")], [registered(deleted=True)]):
        assert verdict(rows).flags == {"UNREGISTERED_ITEM"}
        assert verdict(rows, {"count_unregistered": False}).reason == "UNREGISTERED_ITEM"
    assert verdict([registered(item_code="许可－００３８５－００１")]).flags == frozenset()


def test_policy_can_count_vertical_items():
    """垂建 items are the superior's, unless the city decides that they are its own."""
    assert verdict([registered(build_mode="VERTICAL")], {"count_vertical": True}).counted


def test_policy_can_count_items_before_the_year_of_their_plan():
    """The plan then says when a unit meant to begin, no more."""
    assert verdict([self_built(plan_year=2019)], {"count_before_plan": True}).counted
    assert not verdict([self_built("OFFLINE", plan_year=2019)], {"count_before_plan": True}).counted


def test_the_row_of_the_closing_day_decides():
    """The highest row that covers it; the plan year is held against the year of that day."""
    rows = [
        self_built("OFFLINE", valid_to=day("2018-03-04")),
        self_built(event_id="r2", plan_year=2018, valid_from=day("2018-03-05")),
    ]
    assert verdict(rows, closed_at="2018-03-04 23:59").reason == "OFFLINE"
    assert verdict(rows, closed_at="2018-03-05 00:00").counted
    assert verdict(rows, closed_at="2017-12-31 23:59").reason == "OFFLINE"
    assert verdict([self_built()], closed_at="2017-12-31 23:59").reason == "PLANNED_LATER"
    assert verdict([self_built("OFFLINE"), self_built(event_id="r0", revision=2)]).counted


@pytest.mark.parametrize(("more", "reason"), [({"is_test": True}, "TEST_CASE"), ({"closing_state": "VOIDED"}, "VOIDED"), ({}, "VERTICAL")])
def test_these_exclusions_come_last(more: dict[str, Any], reason: str):
    """What the case itself says is told first."""
    assert verdict([registered(build_mode="VERTICAL")], **more).reason == reason


def test_outside_the_eight_types_nobody_asks_for_a_registration():
    """OUTSIDE_TYPES is told before it."""
    row = registered(item_code="服务-00001-000", build_mode="VERTICAL")
    assert verdict([row], item_code="服务-00001-000").reason == "OUTSIDE_TYPES"
