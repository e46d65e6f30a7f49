"""Cases with a verdict known by construction: the n-th case of each kind, and the figures they must come to."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

ZONE = dt.timezone(dt.timedelta(hours=8))
Event = dict[str, Any]

KINDS = ("on_time", "late", "never", "refused", "refused_then_accepted", "voided", "moved", "orphan")
STATUS = {
    "on_time": "ARCHIVED",
    "late": "ARCHIVED_LATE",
    "never": "UNARCHIVED",
    "refused": "UNARCHIVED",
    "refused_then_accepted": "ARCHIVED",
    "voided": "EXCLUDED",
    "moved": "ARCHIVED",
    "orphan": "ORPHAN",
}


def iso(moment: dt.datetime) -> str:
    """A time as files hold it."""
    return moment.isoformat()


def closing(case_no: str, closed_at: dt.datetime, **given: Any) -> Event:
    """A CaseClosed row."""
    return {
        "event_id": f"c-{case_no}",
        "case_no": case_no,
        "item_code": "许可-00387-000",
        "item_name": "中医医疗广告审查",
        "unit_code": "U1",
        "unit_name": "卫健委",
        "district_code": "330106",
        "title": f"{case_no} 的申请",
        "accepted_at": iso(closed_at - dt.timedelta(days=1)),
        "closed_at": iso(closed_at),
        **given,
    }


def archive(case_no: str, received_at: dt.datetime, **given: Any) -> Event:
    """An ArchiveReceived row."""
    return {
        "event_id": f"a-{case_no}",
        "archive_no": f"A-{case_no}",
        "case_no": case_no,
        "item_code": "许可-00387-000",
        "unit_code": "U1",
        "title": f"{case_no} 的申请",
        "received_at": iso(received_at),
        "receipt": "ACCEPTED",
        **given,
    }


def make_cases(count: int) -> tuple[list[Event], list[Event]]:
    """Closings and archives of ``count`` cases of 2018, one kind after the other; deadline 72 h."""
    closings, archives = [], []
    for number in range(count):
        case_no, kind = f"case-{number:06d}", KINDS[number % len(KINDS)]
        closed_at = dt.datetime(2018, 3, 1, 10, tzinfo=ZONE) + dt.timedelta(minutes=7 * number)
        soon, late = closed_at + dt.timedelta(hours=5), closed_at + dt.timedelta(hours=73)
        if kind != "orphan":
            closings.append(closing(case_no, closed_at))
        if kind in {"on_time", "voided", "moved", "orphan"}:
            archives.append(archive(case_no, soon))
        if kind == "late":
            archives.append(archive(case_no, late))
        if kind in {"refused", "refused_then_accepted"}:
            archives.append(archive(case_no, soon, receipt="UNPACK_FAILED"))
        if kind == "refused_then_accepted":
            archives.append(archive(case_no, soon + dt.timedelta(hours=1), event_id=f"b-{case_no}"))
        if kind == "voided":
            closings.append(closing(case_no, closed_at, event_id=f"d-{case_no}", revision=2, closing_state="VOIDED"))
        if kind == "moved":
            elsewhere = closed_at + dt.timedelta(days=1)
            closings.append(closing(case_no, elsewhere, event_id=f"d-{case_no}", revision=2, unit_code="U2", unit_name="教育局"))
    return closings, archives


def expected_statuses(count: int) -> Counter[str]:
    """How many cases of each status."""
    return Counter(STATUS[KINDS[number % len(KINDS)]] for number in range(count))
