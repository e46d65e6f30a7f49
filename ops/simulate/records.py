"""Records of the case topics: what senders would write, full-width codes and blanks included."""

from __future__ import annotations

from random import Random
from typing import Any

from ops.simulate.archives import Package
from ops.simulate.calendar import day_at
from ops.simulate.closings import Content
from ops.simulate.items import Item
from ops.simulate.papers import Form, Paper, Sheet
from ops.simulate.schedules import Material
from ops.simulate.units import Unit

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
        "item_code": spelling(rng, content.item),
        "item_name": content.item.name,
        "unit_code": unit.code,
        "unit_name": unit.name,
        "district_code": unit.district_on(day_at(content.closed_at)) if unit.listed else unit.district_code,
        "title": content.title.text,
        "accepted_at": content.accepted_at,
        "closed_at": content.closed_at,
        "closing_state": content.state,
        "revision": revision,
        "deleted": content.deleted,
        "is_test": content.is_test,
        "source_system": unit.source_system,
    }


def archive_record(rng: Random, event_id: str, archive_no: str, case_no: str, unit: Unit, paper: Paper, package: Package) -> dict[str, Any]:
    """An ArchiveReceived record."""
    drawn = rng.getrandbits(256)
    title = paper.title.spelled(rng) if rng.random() < _FULL_WIDTH_SHARE else paper.title.text
    return {
        "event_id": event_id,
        "archive_no": archive_no,
        "case_no": case_no,
        "item_code": spelling(rng, paper.item),
        "unit_code": unit.code,
        "title": title,
        "received_at": package.received_at,
        "receipt": package.receipt,
        "revision": package.revision,
        "deleted": package.deleted,
        "retention": "YEARS_10",
        "schedule_version": "2018-1",
        "batch_no": f"B{day_at(package.received_at)}",
        "source_system": unit.source_system,
        "materials": [_material(sheet, drawn + place) for place, sheet in enumerate(paper.sheets)],
    }


def _material(sheet: Sheet, drawn: int) -> dict[str, Any]:
    material, form = sheet
    kind, name, code = material.kind, material.name, material.code
    if form is not Form.AS_SCHEDULED:
        kind, name, code = _in_odd_form(material, form)
    return {"kind": kind, "name": name, "code": code, "byte_size": 20_000 + drawn % 4_000_000, "sha256": f"{drawn:064x}"}


def _in_odd_form(material: Material, form: Form) -> tuple[str, str, str]:
    another_kind = "PROCEDURE" if material.kind == "EVIDENCE" else "EVIDENCE"
    return {
        Form.BY_CODE: (another_kind, "附件", material.code),
        Form.BY_NAME: (material.kind, f"{material.name[:2]} {material.name[2:]}", ""),
        Form.OF_UNKNOWN_KIND: ("UNKNOWN", material.name, ""),
        Form.LOOK_ALIKE: (another_kind, material.name, ""),
    }[form]


def heartbeat_record(source: str, topic: str, through_ms: int) -> dict[str, Any]:
    """A FeedHeartbeat record."""
    return {"event_id": f"h-{source}-{topic}-{through_ms}", "source_system": source, "topic": topic, "complete_through": through_ms}


def losing_copy(record: dict[str, Any]) -> dict[str, Any]:
    """Another content under the same event id that is the smaller one in every canonical form: a lesser unit code of the same length."""
    return record | {"unit_code": "330000000"}


def spelling(rng: Random, item: Item) -> str:
    """Its code, sometimes in full width."""
    full_width = item.readable and rng.random() < _FULL_WIDTH_SHARE
    return item.code.translate(_FULL_WIDTH) if full_width else item.code
