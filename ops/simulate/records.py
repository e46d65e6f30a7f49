"""The records of the wire: what senders would write, names of applicants and full-width codes included."""

from __future__ import annotations

from random import Random
from typing import Any

from ops.simulate.archives import Package
from ops.simulate.calendar import day_at
from ops.simulate.city import Item, Unit
from ops.simulate.closings import Content

_SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡"
_GIVEN = ("伟", "芳", "秀英", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟", "涛", "明", "超", "秀兰", "霞", "平")
_MATERIALS = (("EVIDENCE", "申请人身份证明"), ("EVIDENCE", "申请表"), ("PROCEDURE", "受理通知书"), ("RESULT", "批准文件"))
_FULL_WIDTH = str.maketrans("-0123456789", "－０１２３４５６７８９")
_FULL_WIDTH_SHARE = 0.03


def case_number(unit: Unit, closed_at: int, number: int, *, orphan: bool = False) -> str:
    """A case number (办件号): unit, day, serial."""
    return f"{unit.code}{day_at(closed_at):06d}{'9' if orphan else '1'}{number:08d}"


def closing_record(rng: Random, event_id: str, case_no: str, revision: int, content: Content) -> dict[str, Any]:
    """A CaseClosed record."""
    unit = content.unit
    return {
        "event_id": event_id,
        "case_no": case_no,
        "item_code": _spelling(rng, content.item),
        "item_name": content.item.name,
        "unit_code": unit.code,
        "unit_name": unit.name,
        "district_code": unit.district_on(day_at(content.closed_at)) if unit.listed else unit.district_code,
        "title": _title(rng, content.item),
        "accepted_at": content.accepted_at,
        "closed_at": content.closed_at,
        "closing_state": content.state,
        "revision": revision,
        "deleted": content.deleted,
        "is_test": content.is_test,
        "source_system": unit.source_system,
    }


def archive_record(rng: Random, event_id: str, archive_no: str, case_no: str, content: Content, package: Package) -> dict[str, Any]:
    """An ArchiveReceived record."""
    batch = f"B{day_at(package.received_at)}"
    drawn = rng.getrandbits(256)
    materials = [
        {
            "kind": kind,
            "name": name,
            "code": f"{place:02d}",
            "byte_size": 20_000 + (drawn >> place) % 4_000_000,
            "sha256": f"{drawn + place:064x}",
        }
        for place, (kind, name) in enumerate(_MATERIALS[: 2 + drawn % 3])
    ]
    return {
        "event_id": event_id,
        "archive_no": archive_no,
        "case_no": case_no,
        "item_code": _spelling(rng, content.item),
        "unit_code": content.unit.code,
        "title": _title(rng, content.item),
        "received_at": package.received_at,
        "receipt": package.receipt,
        "revision": package.revision,
        "deleted": package.deleted,
        "retention": "YEARS_10",
        "schedule_version": "2018-1",
        "batch_no": batch,
        "source_system": content.unit.source_system,
        "materials": materials,
    }


def heartbeat_record(source: str, topic: str, through_ms: int) -> dict[str, Any]:
    """A FeedHeartbeat record."""
    return {"event_id": f"h-{source}-{topic}-{through_ms}", "source_system": source, "topic": topic, "complete_through": through_ms}


def losing_copy(record: dict[str, Any]) -> dict[str, Any]:
    """Another content under the same event id that is the smaller one in every canonical form: a lesser unit code of the same length."""
    return record | {"unit_code": "330000000"}


def _spelling(rng: Random, item: Item) -> str:
    full_width = item.readable and rng.random() < _FULL_WIDTH_SHARE
    return item.code.translate(_FULL_WIDTH) if full_width else item.code


def _title(rng: Random, item: Item) -> str:
    return f"{rng.choice(_SURNAMES)}{rng.choice(_GIVEN)}申请{item.name}"
