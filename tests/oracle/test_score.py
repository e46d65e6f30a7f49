"""Waivers, and the score by unit and by district."""

from __future__ import annotations

from typing import Any

import pytest

from tests.oracle.score import score
from tests.oracle.waivers import anomaly_id, waived
from tests.oracle.worlds import ITEM, Record, World, archive, closing, day, material, module, ms, registered, schedule, self_built, world

NOW_MS = ms("2018-12-31 18:00")
TODAY = day("2018-12-31")


def waiver(kind: str, subject: str, **more: Any) -> Record:
    """A waiver of a finding, for this year."""
    return {"event_id": "w1", "anomaly_id": anomaly_id(kind, subject), "until": day("2018-12-31")} | more


def unit(events: World, year: int = 2018, now_ms: int = NOW_MS) -> Record:
    """Score of unit ``U``."""
    (row,) = (row for row in score(events, now_ms, year, "unit") if row["scope"] == "U")
    return row


def cases(archived: int, unarchived: int = 0, **more: Any) -> World:
    """A world of many cases of the item, no two alike in number."""
    one, received = world()["case-closed"][0], world()["archive-received"][0]
    total = archived + unarchived
    events = world(
        case_closed=[one | {"event_id": f"c{n}", "case_no": f"c{n}"} | more for n in range(total)],
        archive_received=[received | {"event_id": f"a{n}", "archive_no": f"A{n}", "case_no": f"c{n}"} for n in range(archived)],
    )
    assert len(events["case-closed"]) == total
    return events


def test_nothing_wrong_is_a_full_score():
    """Every column."""
    assert unit(world()) == {
        "scope": "U",
        "config_errors": 0,
        "unconfigured": 0,
        "unarchived": 0,
        "closed": 1,
        "completeness": 60,
        "systems": 0,
        "bonus": 0,
        "inaccurate": 0,
        "missing_material": 0,
        "quality": 30,
        "total": 90,
        "inaccurate_by_case": 0,
        "missing_material_by_case": 0,
        "quality_by_case": 30,
        "total_by_case": 90,
    }


@pytest.mark.parametrize(("archived", "completeness"), [(100, 60), (99, 59.5), (98, 59), (95, 57.5), (90, 55), (50, 35), (0, 10)])
def test_completeness_falls_with_the_share_that_is_not_archived(archived: int, completeness: float):
    """The notice's own examples."""
    assert unit(cases(archived, 100 - archived))["completeness"] == completeness


def test_lateness_costs_nothing():
    """Archived is archived."""
    late = world()["archive-received"][0] | {"received_at": ms("2018-09-01 00:00")}
    assert unit(world(archive_received=[late]))["total"] == 90


def test_a_unit_without_cases_loses_nothing_for_them():
    """Its configuration counts all the same."""
    row = unit(world(case_closed=[], archive_received=[], module_config=[]))
    assert (row["closed"], row["unconfigured"], row["completeness"], row["total"]) == (0, 1, 50, 80)


def test_configuration_errors_cost_two_and_items_not_configured_ten():
    """Each kind of an item is one; an unapproved schedule and an unregistered item cost nothing."""
    two = module(retention="PERMANENT", item_name="x")
    assert (unit(world(module_config=[two]))["config_errors"], unit(world(module_config=[two]))["completeness"]) == (2, 56)
    assert unit(world(module_config=[]))["completeness"] == 50
    assert unit(world(archiving_schedule=[schedule(approved=False)]))["completeness"] == 60
    assert unit(world(item_registry=[], module_config=[]))["completeness"] == 60


def test_no_part_falls_below_nothing():
    """Seven items not configured, sixteen findings."""
    rows = [registered(event_id=f"r{n}", item_code=f"许可-{n}-0") for n in range(7)]
    assert unit(world(item_registry=rows))["completeness"] == 0
    assert unit(cases(16, title="李娜申请"))["quality_by_case"] == 0


def test_fifteen_findings_by_case_empty_the_part_and_are_one_place_by_item():
    """Reports print both."""
    row = unit(cases(15, title="李娜申请"))
    assert (row["inaccurate"], row["quality"], row["total"]) == (1, 28, 88)
    assert (row["inaccurate_by_case"], row["quality_by_case"], row["total_by_case"]) == (15, 0, 60)


def test_places_are_of_kinds():
    """Two kinds on one case are two, inaccurate and missing apart."""
    bare = archive(title="李娜申请", materials=[])
    row = unit(world(archive_received=[bare]))
    assert (row["inaccurate"], row["missing_material"], row["quality"]) == (1, 3, 22)
    assert (row["inaccurate_by_case"], row["missing_material_by_case"]) == (1, 3)


def test_an_archived_test_case_costs_though_it_is_not_counted():
    """Nothing closed, and two points gone."""
    row = unit(cases(1, is_test=True))
    assert (row["closed"], row["inaccurate"], row["quality"]) == (0, 1, 28)


def test_cases_belong_to_the_year_in_which_they_closed():
    """Findings of configuration to any."""
    events = cases(1, 1, title="李娜申请")
    assert (unit(events)["unarchived"], unit(events)["inaccurate"]) == (1, 1)
    row = unit(events | {"module-config": []}, 2019)
    assert (row["closed"], row["unarchived"], row["inaccurate"], row["unconfigured"]) == (0, 0, 0, 1)


@pytest.mark.parametrize(
    ("more", "holds"),
    [
        ({}, True),
        ({"until": TODAY - 1}, False),
        ({"until": TODAY, "valid_to": TODAY - 1}, False),
        ({"until": TODAY - 1, "valid_to": TODAY}, False),
        ({"valid_from": TODAY}, True),
        ({"valid_from": TODAY + 1}, False),
        ({"deleted": True}, False),
        ({"anomaly_id": anomaly_id("REFUSED", "c")}, False),
    ],
)
def test_a_waiver_holds_within_its_days(more: dict[str, Any], holds: bool):
    """Both ends included."""
    assert waived({"waiver": [waiver("UNARCHIVED", "c") | more]}, anomaly_id("UNARCHIVED", "c"), TODAY) == holds


def test_the_highest_waiver_of_a_finding_counts_even_if_it_does_not_hold():
    """It replaces the others, it does not stand beside them."""
    rows = [waiver("UNARCHIVED", "c"), waiver("UNARCHIVED", "c", event_id="w0", revision=2, until=TODAY - 1)]
    assert not waived({"waiver": rows}, anomaly_id("UNARCHIVED", "c"), TODAY)
    assert waived({"waiver": [*rows, waiver("UNARCHIVED", "c", event_id="w2", revision=3)]}, anomaly_id("UNARCHIVED", "c"), TODAY)


def test_a_waiver_counts_only_within_its_validity():
    """One from tomorrow on, or its withdrawal, leaves today's as it is."""
    today, later = waiver("UNARCHIVED", "c"), waiver("UNARCHIVED", "c", event_id="w2", revision=2, valid_from=TODAY + 1)
    for row in (later, later | {"deleted": True}):
        assert waived({"waiver": [today, row]}, anomaly_id("UNARCHIVED", "c"), TODAY)


@pytest.mark.parametrize(
    ("events", "kind", "subject", "column"),
    [
        (world(module_config=[module(retention="PERMANENT")]), "RETENTION_MISMATCH", f"U|{ITEM}", "config_errors"),
        (world(module_config=[]), "NOT_CONFIGURED", f"U|{ITEM}", "unconfigured"),
        (cases(0, 1), "UNARCHIVED", "c0", "unarchived"),
        (cases(1, title="李娜申请"), "CASE_INFO_MISMATCH", "c0", "inaccurate"),
        (world(archiving_schedule=[schedule(materials=[material(name="x", code="x")])], module_config=[]), "MISSING_EVIDENCE", "c",
         "missing_material"),
    ],
)  # fmt: skip
def test_what_is_waived_today_is_out_of_the_score(events: World, kind: str, subject: str, column: str):
    """Each column by its findings, for as long as the waiver holds."""
    excused = events | {"waiver": [waiver(kind, subject)]}
    assert (unit(events)[column], unit(excused)[column]) == (1, 0)
    assert unit(excused)["closed"] == unit(events)["closed"]
    assert unit(excused, now_ms=ms("2019-01-01 00:00"))[column] == 1


def online(**more: Any) -> World:
    """A world whose item is on the unit's own system ``s``."""
    one, received = world()["case-closed"][0], world()["archive-received"][0]
    return world(
        case_closed=[one | {"source_system": "s"} | more],
        archive_received=[received | {"source_system": "s"}],
        item_registry=[self_built()],
    )


def test_a_system_of_the_units_own_with_archives_and_without_findings_earns_five():
    """Waived findings do not count."""
    assert (unit(online())["systems"], unit(online())["bonus"], unit(online())["total"]) == (1, 5, 95)
    spoilt = online(title="李娜申请")
    assert unit(spoilt)["systems"] == 0
    assert unit(spoilt | {"waiver": [waiver("CASE_INFO_MISMATCH", "c")]})["systems"] == 1


def test_a_finding_on_another_case_of_the_system_spoils_it():
    """In the same unit and year only; an archived test case too."""
    events = online()

    def beside(**more: Any) -> int:
        other = events["case-closed"][0] | {"event_id": "d", "case_no": "d", "title": "公共场所卫生许可"} | more
        return unit(events | {"case-closed": [*events["case-closed"], other]})["systems"]

    assert beside() == 0
    assert beside(unit_code="V") == 1
    assert beside(source_system="t") == 1
    assert beside(closed_at=ms("2017-12-31 10:00"), accepted_at=ms("2017-12-30 10:00")) == 1


def test_no_system_earns_by_the_very_case_that_is_at_fault():
    """Closed in one year, its archive accepted in the next: it spoils both."""
    events = online(closed_at=ms("2018-12-28 10:00"), title="李娜申请")
    events["archive-received"][0]["received_at"] = ms("2019-01-02 10:00")
    assert (unit(events)["systems"], unit(events, 2019)["systems"]) == (0, 0)
    right = events | {"waiver": [waiver("CASE_INFO_MISMATCH", "c", until=day("2020-12-31"))]}
    assert (unit(right)["systems"], unit(right, 2019)["systems"]) == (0, 1)


def test_what_is_outside_the_eight_types_costs_nothing():
    """Neither its configuration nor a test that was archived; what is found stays to be seen."""
    outside = {"item_code": "服务-00385-001"}
    test = cases(1, is_test=True, **outside)
    row = unit(test | {"item-registry": [registered(**outside)], "module-config": []})
    assert (row["unconfigured"], row["inaccurate"], row["total"]) == (0, 0, 90)


def test_the_archive_names_the_system_and_where_it_does_not_the_case():
    """Neither: there is none."""
    events = online()
    (received,) = events["archive-received"]
    assert unit(events | {"archive-received": [received | {"source_system": ""}]})["systems"] == 1
    assert unit(online(source_system=""))["systems"] == 1
    nowhere = online(source_system="") | {"archive-received": [received | {"source_system": ""}]}
    assert unit(nowhere)["systems"] == 0


@pytest.mark.parametrize("row", [registered(), self_built("OFFLINE"), self_built(plan_year=2019), self_built(valid_from=day("2018-03-06"))])
def test_only_counted_cases_of_self_built_online_items_earn_it(row: Record):
    """On the closing day."""
    assert unit(online() | {"item-registry": [row]})["systems"] == 0


def test_an_archive_of_another_year_earns_nothing():
    """Accepted in the year, whenever its case closed."""
    assert unit(online(), 2019)["systems"] == 0
    (received,) = online()["archive-received"]
    next_year = online() | {"archive-received": [received | {"received_at": ms("2019-01-02 00:00")}]}
    assert (unit(next_year)["systems"], unit(next_year, 2019)["systems"]) == (0, 1)


def test_the_bonus_ends_at_ten():
    """Three systems."""
    one, received = online()["case-closed"][0], online()["archive-received"][0]
    events = online() | {
        "case-closed": [one | {"event_id": f"c{n}", "case_no": f"c{n}"} for n in range(3)],
        "archive-received": [
            received | {"event_id": f"a{n}", "archive_no": f"A{n}", "case_no": f"c{n}", "source_system": f"s{n}"} for n in range(3)
        ],
    }
    assert (unit(events)["systems"], unit(events)["bonus"], unit(events)["total"]) == (3, 10, 100)


def in_districts(*rows: tuple[str, str, int | None, int | None]) -> list[Record]:
    """Rows of unit-registry: unit, district, first and last day."""
    names = ("unit_code", "district_code", "valid_from", "valid_to")
    return [{"event_id": f"u{n}", **dict(zip(names, row, strict=True))} for n, row in enumerate(rows)]


def test_a_district_is_the_formula_over_the_sums_of_its_units():
    """Not the mean of their scores; two units that each have a system of one name have two."""
    own = online()
    theirs = {
        "case-closed": [own["case-closed"][0] | {"event_id": "d", "case_no": "d", "unit_code": "V"}, closing(event_id="e", case_no="e")],
        "archive-received": [own["archive-received"][0] | {"event_id": "b", "archive_no": "B", "case_no": "d", "unit_code": "V"}],
        "item-registry": [self_built(event_id="r2", unit_code="V")],
        "unit-registry": in_districts(("U", "330106", None, None), ("V", "330106", None, None)),
    }
    events = {topic: [*own.get(topic, []), *theirs.get(topic, [])] for topic in {**own, **theirs}}
    (row,) = score(events, NOW_MS, 2018, "district")
    assert (row["scope"], row["closed"], row["unarchived"], row["unconfigured"], row["systems"]) == ("330106", 3, 1, 1, 2)
    assert row["completeness"] == pytest.approx(60 - 10 - 50 / 3)


def test_cases_count_in_the_district_of_their_closing_day_and_items_in_todays():
    """A unit that moved in July."""
    events = world(module_config=[]) | {
        "unit-registry": in_districts(("U", "330103", None, day("2018-06-30")), ("U", "330105", day("2018-07-01"), None))
    }
    old, new = score(events, NOW_MS, 2018, "district")
    assert (old["scope"], old["closed"], old["unconfigured"]) == ("330103", 1, 0)
    assert (new["scope"], new["closed"], new["unconfigured"]) == ("330105", 0, 1)


def test_whoever_has_anything_has_a_row():
    """An excluded case, an orphan, an archive of another unit's case, an item; a refusal or a configuration is nothing yet."""
    one = closing(source_system="")
    events: World = {
        "case-closed": [one, one | {"event_id": "v", "case_no": "v", "unit_code": "voided", "closing_state": "VOIDED"}],
        "archive-received": [
            archive(unit_code="elsewhere"),
            archive(event_id="o", case_no="o", unit_code="orphan"),
            archive(event_id="r", case_no="r", unit_code="refused", receipt="UNPACK_FAILED"),
        ],
        "item-registry": [registered(unit_code="registered"), registered(event_id="x", unit_code="gone", deleted=True)],
        "module-config": [module(unit_code="configured")],
    }
    assert [row["scope"] for row in score(events, NOW_MS, 2018, "unit")] == ["U", "elsewhere", "orphan", "registered", "voided"]
    assert [row["scope"] for row in score(events, NOW_MS, 2017, "unit")] == ["registered"]


def test_items_of_a_unit_without_a_row_are_of_the_district_that_most_of_its_cases_name():
    """Not of a district of nobody's; only counted cases of the year say so, and the first of two that say it as often."""
    one = world()["case-closed"][0]
    said = {"a": "330106", "b": "330105", "c": "330106", "d": "330105"}
    closings = [one | {"event_id": name, "case_no": name, "district_code": district} for name, district in said.items()]
    closings += [one | {"event_id": f"v{n}", "case_no": f"v{n}", "district_code": "330102", "closing_state": "VOIDED"} for n in range(9)]
    events = world(case_closed=closings, archive_received=[], module_config=[])
    rows = {row["scope"]: row for row in score({**events, "unit-registry": []}, NOW_MS, 2018, "district")}
    assert {scope: row["unconfigured"] for scope, row in rows.items()} == {"330102": 0, "330105": 1, "330106": 0}
    (row,) = score({**world(case_closed=[], archive_received=[], module_config=[]), "unit-registry": []}, NOW_MS, 2018, "district")
    assert (row["scope"], row["unconfigured"]) == ("UNKNOWN", 1)
