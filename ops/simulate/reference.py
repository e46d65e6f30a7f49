"""Reference data of a city as it is sent: units, heartbeats, registrations, schedules, configurations, waivers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

import orjson

from ops.simulate.calendar import DAY_MS, MINUTE_MS, midnight_ms
from ops.simulate.city import City
from ops.simulate.items import Item
from ops.simulate.records import heartbeat_record, spelling
from ops.simulate.registration import Standing
from ops.simulate.rows import Row
from ops.simulate.schedules import Material, Module, Table
from ops.simulate.units import Feed, unit_records
from streams.contracts import (
    ARCHIVING_SCHEDULE,
    FEED_HEARTBEAT,
    ITEM_REGISTRY,
    MODULE_CONFIG,
    UNIT_REGISTRY,
)

Sent = tuple[str, dict[str, Any], int]
"""Topic, record, and when it is sent."""
_SENT_AGAIN = 0.05


def reference_data(rng: Random, city: City, heard: Mapping[Feed, int], first_day: int) -> Iterator[Sent]:
    """Everything but waivers; what is to be corrected comes before the year, its correction in the first 200 days."""
    start_ms = midnight_ms(first_day)
    for topic, record in _rows(rng, city):
        sent_at = start_ms - 1 if record["revision"] == 1 else start_ms + rng.randrange(200 * DAY_MS)
        yield topic, record, sent_at
        if rng.random() < _SENT_AGAIN:
            yield topic, record, sent_at + rng.randrange(30 * DAY_MS)
    for (source, topic), through_ms in heard.items():
        evenings = [moment for day in range(366) if (moment := midnight_ms(first_day + day) + 1110 * MINUTE_MS) < through_ms]
        for moment in (*evenings, through_ms):
            yield FEED_HEARTBEAT, heartbeat_record(source, topic, moment), moment


def waiver_record(rng: Random, kind: str, subject: str, day: int) -> dict[str, Any]:
    """A FindingWaived record: in force, or over, to come or taken back."""
    anomaly_id = hashlib.blake2b(orjson.dumps([kind, subject]), digest_size=16).hexdigest()
    how = rng.choice(("in force", "in force", "over", "to come", "taken back"))
    return {
        "event_id": f"w-{anomaly_id}",
        "revision": 1,
        "deleted": how == "taken back",
        "valid_from": day + 400 if how == "to come" else None,
        "valid_to": None,
        "anomaly_id": anomaly_id,
        "author": "市档案局业务指导处",
        "reason": rng.choice(("系统切换期间", "已书面说明", "上级系统原因")),
        "until": day - 1 if how == "over" else day + 800,
    }


def _rows(rng: Random, city: City) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from ((UNIT_REGISTRY, record) for record in unit_records(rng, city.units))
    for item in city.items:
        for place, standing in enumerate(item.registration.rows):
            yield ITEM_REGISTRY, _record("r", place, item, spelling(rng, item), standing) | _registered(rng, item, standing.content)
        for place, table in enumerate(item.setup.schedules):
            yield ARCHIVING_SCHEDULE, _record("s", place, item, spelling(rng, item), table) | _scheduled(item, table.content)
        for place, module in enumerate(item.setup.modules):
            yield MODULE_CONFIG, _record("m", place, item, spelling(rng, item), module) | _configured(item, module.content)


def _record(letter: str, place: int, item: Item, code: str, row: Row[Any]) -> dict[str, Any]:
    return {
        "event_id": f"{letter}-{item.unit.code}-{item.code}-{place}",
        "revision": row.revision,
        "deleted": row.deleted,
        "valid_from": row.first,
        "valid_to": row.last,
        "unit_code": item.unit.code,
        "item_code": code,
    }


def _registered(rng: Random, item: Item, standing: Standing) -> dict[str, Any]:
    named = rng.random() < 0.5  # noqa: PLR2004  else the code says it
    return {
        "item_name": item.registered_name,
        "main_item_code": item.main_code if named else "",
        "main_item_name": "",
        "build_mode": standing.build_mode,
        "plan_year": standing.plan_year,
        "archiving_mode": standing.archiving_mode,
        "case_count_2017": item.weight,
        "note": "",
    }


def _scheduled(item: Item, table: Table) -> dict[str, Any]:
    return {
        "item_name": item.name,
        "schedule_version": table.version,
        "approved": table.approved,
        "retention": table.retention,
        "materials": _materials(table),
    }


def _configured(item: Item, module: Module) -> dict[str, Any]:
    return {
        "item_name": item.name + module.suffix,
        "schedule_version": module.table.version,
        "archiving_mode": module.archiving_mode,
        "retention": module.table.retention,
        "materials": _materials(module.table),
    }


def _materials(table: Table) -> list[dict[str, Any]]:
    return [_material(each) for each in table.materials]


def _material(material: Material) -> dict[str, Any]:
    return {
        "kind": material.kind,
        "name": material.name,
        "code": material.code,
        "required": material.required,
        "electronic": material.electronic,
    }
