"""The oracle against examples worked by hand, and against the real log's figures."""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.oracle.calendar import due_ms
from tests.oracle.coverage import coverage, window_ms
from tests.oracle.items import main_item_of, normalise, type_of
from tests.oracle.oracle import judge
from tests.oracle.verdict import Verdict
from tests.oracle.worlds import archive, closing, ms

PERMITS = Path(__file__).parents[3] / "shared/data/permits"


def verdict(closings: list[dict[str, Any]], archives: list[dict[str, Any]], now: str = "2018-04-01 00:00", **more: Any) -> Verdict:
    """Judge case ``c``."""
    topics = {"units": "unit-registry", "beats": "feed-heartbeat"}
    events = {"case-closed": closings, "archive-received": archives} | {topics[k]: more.pop(k) for k in list(more) if k in topics}
    return judge(events, ms(now), **more)["c"]


@pytest.mark.parametrize(
    ("closed_at", "due"),
    [
        ("2018-03-05 10:00", "2018-03-08"),  # a plain week
        ("2018-03-02 23:59:59.999", "2018-03-07"),  # Friday: the week-end between
        ("2018-03-03 00:00", "2018-03-07"),  # Saturday, the same
        ("2018-02-09 17:00", "2018-02-13"),  # Friday; Sunday 11 February was worked (调休)
        ("2018-02-13 17:00", "2018-02-23"),  # 14; then Spring Festival 15-21 February; 22, 23
        ("2018-02-14 17:00", "2018-02-24"),  # 22, 23, and Saturday 24, which was worked (调休)
        ("2018-04-27 09:00", "2018-05-03"),  # Saturday 28 April was worked, 29 April - 1 May were off
        ("2018-12-28 09:00", "2019-01-03"),  # Saturday 29 December was worked; 30, 31, 1 January off
        ("2018-09-29 12:00", "2018-10-09"),  # Saturday and worked; National Day 1-7 October; Sunday 30 September was worked too
    ],
)
def test_due_dates_follow_the_state_council_calendar(closed_at: str, due: str):
    """Workdays are those of the State Council, with the week-ends that were worked in exchange."""
    assert due_ms(ms(closed_at), "3 workdays") == ms(f"{due} 23:59:59.999")


def test_hours_are_calendar_time():
    """72h knows no week-end."""
    assert due_ms(ms("2018-02-14 17:00"), "72h") == ms("2018-02-17 17:00")


@pytest.mark.parametrize(
    ("raw", "code", "kind", "main"),
    [
        ("许可-00385-001", "许可-00385-001", "许可", "许可-00385-000"),
        ("许可－００３８５－００１", "许可-00385-001", "许可", "许可-00385-000"),
        (" 许可 – 00385 — 001 \u3000", "许可-00385-001", "许可", "许可-00385-000"),
        ("确认-00001-002-03", "确认-00001-002-03", "确认", "确认-00001-000"),
        ("许可－Ａ12-001", "许可－Ａ12-001", "许可", "许可－Ａ12-001"),
        ("服务-00012-000", "服务-00012-000", "", "服务-00012-000"),
        ("5f0c1e9a-6b1d", "5f0c1e9a-6b1d", "", "5f0c1e9a-6b1d"),
    ],
)
def test_item_codes_have_one_spelling(raw: str, code: str, kind: str, main: str):
    """Full-width letters, dashes of all kinds and blanks are the same code."""
    assert (normalise(raw), type_of(normalise(raw)), main_item_of(normalise(raw))) == (code, kind, main)


@pytest.mark.parametrize(
    ("received_at", "now", "status"),
    [
        ("2018-03-08 23:59:59.999", "2018-03-09 00:00", "ARCHIVED"),
        ("2018-03-09 00:00", "2018-03-09 00:00", "ARCHIVED_LATE"),
        ("2018-03-01 00:00", "2018-03-09 00:00", "ARCHIVED"),
    ],
)
def test_received_at_decides_lateness(received_at: str, now: str, status: str):
    """The last millisecond of the due day is on time; before closing is too."""
    assert verdict([closing()], [archive(received_at)], now).status == status


@pytest.mark.parametrize(("now", "status"), [("2018-03-08 23:59:59.998", "AWAITING"), ("2018-03-08 23:59:59.999", "UNARCHIVED")])
def test_without_an_archive_a_case_is_unarchived_at_its_due_moment(now: str, status: str):
    """Due at the millisecond itself."""
    assert verdict([closing()], [], now).status == status


def test_a_refusal_is_told_at_once_and_gives_the_reason_when_due():
    """REFUSED opens while the case still waits."""
    refused = archive(receipt="UNPACK_FAILED")
    early = verdict([closing()], [refused], "2018-03-06 03:00")
    assert (early.status, early.anomalies) == ("AWAITING", {"REFUSED"})
    late = verdict([closing()], [refused])
    assert (late.status, late.reason, late.anomalies) == ("UNARCHIVED", "REFUSED", {"REFUSED", "UNARCHIVED"})
    healed = verdict([closing()], [refused, archive("2018-03-07 02:00", event_id="a2")])
    assert (healed.status, healed.anomalies) == ("ARCHIVED", frozenset())
    unknown = verdict([closing()], [archive(receipt="UNKNOWN")])
    assert (unknown.reason, unknown.anomalies) == ("NONE_RECEIVED", {"UNARCHIVED"})


def test_of_an_archive_only_the_highest_revision_counts():
    """A higher revision takes an acceptance back, corrects its time, or deletes it."""
    taken_back = archive(event_id="a2", revision=2, receipt="DIGEST_MISMATCH")
    assert verdict([closing()], [archive(), taken_back]).reason == "REFUSED"
    moved = archive("2018-03-20 02:00", event_id="a2", revision=2)
    assert verdict([closing()], [moved, archive()]).status == "ARCHIVED_LATE"
    deleted = archive(event_id="a2", revision=2, deleted=True)
    assert verdict([closing()], [deleted, archive()]).reason == "NONE_RECEIVED"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"deleted": True, "closing_state": "VOIDED", "is_test": True}, "DELETED"),
        ({"closing_state": "VOIDED", "is_test": True}, "VOIDED"),
        ({"closing_state": "FORWARDED"}, "FORWARDED"),
        ({"closing_state": "UNKNOWN"}, ""),
        ({"is_test": True, "item_code": "服务-1-0"}, "TEST_CASE"),
        ({"item_code": "服务-1-0"}, "OUTSIDE_TYPES"),
    ],
)
def test_exclusions_have_their_order(more: dict[str, Any], reason: str):
    """The first reason that holds is the one told; UNKNOWN closings are counted."""
    found = verdict([closing(**more)], [])
    assert (found.status, found.reason) == (("EXCLUDED", reason) if reason else ("UNARCHIVED", "NONE_RECEIVED"))
    assert found.anomalies == (frozenset() if reason else {"UNARCHIVED"})


def test_policy_can_count_what_it_does_not_and_the_other_way_round():
    """The two assumptions about closing states are settings."""
    assert verdict([closing(closing_state="FORWARDED")], [], policy={"count_forwarded": True}).counted
    assert verdict([closing(closing_state="UNKNOWN")], [], policy={"count_unknown_closing": False}).reason == "UNKNOWN_STATE"


def test_the_closing_with_the_highest_revision_then_event_id_stands():
    """Whatever it says, a deletion included."""
    assert verdict([closing(), closing(event_id="c0", revision=2, deleted=True)], []).reason == "DELETED"
    assert verdict([closing(), closing(event_id="c2", unit_code="V"), closing(event_id="c0")], []).unit_code == "V"


def test_an_orphan_waits_for_its_grace_and_any_closing_resolves_it():
    """24 hours after received_at, and while no closing whatever is there."""
    assert verdict([], [archive()], "2018-03-07 01:59:59.999").status == "NOT_CLOSED"
    found = verdict([], [archive("2018-03-06 02:00", item_code="服务-1-0")], "2018-03-07 02:00")
    assert (found.status, found.anomalies, found.unit_code) == ("ORPHAN", {"ORPHAN_ARCHIVE"}, "U")
    assert verdict([closing(deleted=True)], [archive()]).status == "EXCLUDED"
    assert verdict([], [archive(receipt="UNPACK_FAILED")]).status == "NOT_CLOSED"


def test_a_silent_source_leaves_its_cases_awaiting_and_its_archives_not_orphaned():
    """Absence is not stated of a source that says it is not complete through that moment."""

    def beat(topic: str, through: str) -> dict[str, Any]:
        return {"event_id": "h", "source_system": "s", "topic": topic, "complete_through": ms(through)}

    theirs = closing(source_system="s")
    short, enough = beat("archive-received", "2018-03-08 23:59:59.998"), beat("archive-received", "2018-03-08 23:59:59.999")
    assert verdict([theirs], [], beats=[short]).reason == "SOURCE_SILENT"
    assert verdict([theirs], [], beats=[enough, short]).status == "UNARCHIVED"
    assert verdict([theirs], [], beats=[beat("case-closed", "2018-01-01 00:00")]).status == "UNARCHIVED"
    assert verdict([closing()], [], beats=[short]).status == "UNARCHIVED"
    assert verdict([], [archive(source_system="s")], beats=[beat("case-closed", "2018-03-07 01:59")]).status == "NOT_CLOSED"
    assert verdict([], [archive(source_system="s")], beats=[beat("case-closed", "2018-03-07 02:00")]).status == "ORPHAN"


def test_two_accepted_numbers_and_two_different_closings_are_findings_of_their_own():
    """DUPLICATE_ARCHIVE and CASE_NO_COLLISION; a correction of one thing is no collision."""
    assert verdict([closing()], [archive(), archive(event_id="a2", archive_no="A2")]).anomalies == {"DUPLICATE_ARCHIVE"}
    other = closing(event_id="c2", accepted_at=ms("2018-02-01 09:00"), item_code="许可-1-0")
    assert verdict([closing(), other], [archive(item_code="许可-1-0")]).anomalies == {"CASE_NO_COLLISION"}
    assert verdict([closing(), other | {"deleted": True}], [archive()]).anomalies == frozenset()
    corrected = verdict([closing(), closing(event_id="c2", item_code="许可-1-0")], [archive(item_code="许可-1-0")])
    assert corrected.anomalies == frozenset()


def test_a_unit_belongs_to_the_district_of_the_closing_day():
    """By the highest row that covers the day; a deleted one there means none; without a row the event's, else UNKNOWN."""

    def unit(event_id: str, district: str, first: str | None, last: str | None, **more: Any) -> dict[str, Any]:
        days = [None if text is None else (dt.date.fromisoformat(text) - dt.date(1970, 1, 1)).days for text in (first, last)]
        return {"event_id": event_id, "unit_code": "U", "district_code": district, "valid_from": days[0], "valid_to": days[1]} | more

    rows = [unit("u1", "330103", None, "2018-03-05"), unit("u2", "330105", "2018-03-06", None)]
    assert verdict([closing("2018-03-05 23:59")], [], units=rows).district_code == "330103"
    assert verdict([closing("2018-03-06 00:00")], [], units=rows).district_code == "330105"
    gone = [*rows, unit("u3", "330103", None, "2018-03-05", revision=2, deleted=True)]
    assert verdict([closing()], [], units=gone).district_code == "330106"
    assert verdict([closing(district_code="")], [], units=gone).district_code == "UNKNOWN"


def test_as_of_ignores_what_is_timed_later_and_keeps_todays_corrections():
    """The revision is chosen first, then what is timed later is left out."""
    refused, accepted = archive(receipt="UNPACK_FAILED"), archive("2018-03-20 02:00", event_id="a2")
    then = {"now": "2018-03-10 00:00", "as_of": True}
    assert verdict([closing()], [refused, accepted], **then).reason == "REFUSED"
    assert verdict([closing()], [refused, accepted | {"revision": 2}], **then).reason == "NONE_RECEIVED"
    assert verdict([closing("2018-03-11 10:00")], [archive()], **then).status == "ORPHAN"


def test_windows_begin_at_whole_hours_and_days_of_shanghai():
    """Short windows at the hour, long ones at midnight; dates are inclusive."""
    now = ms("2018-03-10 10:59")
    starts = {
        "1h": "2018-03-10 09:00",
        "24h": "2018-03-09 10:00",
        "7d": "2018-03-03 00:00",
        "30d": "2018-02-08 00:00",
        "ytd": "2018-01-01 00:00",
    }
    assert {name: window_ms(name, now) for name in starts} == {name: (ms(text), now) for name, text in starts.items()}
    assert window_ms("2018-03-01..2018-03-02", now) == (ms("2018-03-01 00:00"), ms("2018-03-03 00:00") - 1)


def test_coverage_counts_each_fact_at_its_own_time_and_place():
    """Nothing is averaged, and a denominator of 0 is no figure."""
    events = {
        "case-closed": [closing(), closing(event_id="d1", case_no="d", closing_state="VOIDED"), closing(event_id="e1", case_no="e")],
        "archive-received": [
            archive(),
            archive(event_id="a2", archive_no="A2", unit_code="V"),
            archive(event_id="o", case_no="o", unit_code="V"),
        ],
    }
    first, second = coverage(events, ms("2018-03-20 00:00"), "unit", "ytd")
    assert (first["scope"], first["closed"], first["archived"], first["unarchived"], first["excluded"]) == ("U", 2, 1, 1, {"VOIDED": 1})
    assert (first["due"], first["coverage_due"], first["coverage"], first["official"]) == (2, 0.5, 0.5, 1 / 3)
    assert (second["scope"], second["orphan"], second["coverage"], second["official"]) == ("V", 1, None, None)
    (city,) = coverage(events, ms("2018-03-20 00:00"), "city", "ytd")
    assert (city["closed"], city["official"], city["divergence"]) == (2, 1.0, 0.5)


def test_the_real_log_gives_its_expected_figures():
    """A municipality's permit process, with 72h and every due date passed."""
    if not PERMITS.exists():
        pytest.skip("没有 ../shared/data/permits：真实日志不随仓库分发 the real log does not come with the repository")

    def events(name: str) -> list[dict[str, Any]]:
        with (PERMITS / name).open(encoding="utf-8") as file:
            return [
                row
                | {name: ms(row[name]) for name in ("accepted_at", "closed_at", "received_at") if name in row}
                | {
                    "revision": int(row.get("revision", 1)),
                    "deleted": row.get("deleted") == "true",
                    "is_test": row.get("is_test") == "true",
                }
                for row in csv.DictReader(file)
            ]

    found = judge({"case-closed": events("closed.csv"), "archive-received": events("archives.csv")}, ms("2030-01-01"), {"deadline": "72h"})
    figures: dict[str, Counter[str]] = {}
    names = {"ARCHIVED": "archived_on_time", "ARCHIVED_LATE": "archived_late", "UNARCHIVED": "unarchived", "ORPHAN": "orphan"}
    for case in found.values():
        figures.setdefault(case.unit_code, Counter())[names[case.status]] += 1
        figures[case.unit_code]["closed"] += case.counted
    assert figures == {unit: Counter(each) for unit, each in json.loads((PERMITS / "expected.json").read_text()).items()}
