"""Configuration findings (归档模块配置核对) of the oracle: registration, schedule and configuration side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.oracle.calendar import shanghai_day
from tests.oracle.events import Event, Events, Key, json_bytes
from tests.oracle.oracle import DEFAULT_POLICY, judge
from tests.oracle.quality import filled, plain
from tests.oracle.reference import Reference
from tests.oracle.verdict import Verdict

MISMATCHES = frozenset({"RETENTION_MISMATCH", "MATERIAL_MISMATCH", "NAME_MISMATCH", "VERSION_MISMATCH", "MODE_MISMATCH"})


@dataclass(frozen=True)
class ItemVerdict:
    """What is to be said of one item of a unit, today."""

    expected_online: bool
    leaf: bool
    configured: bool
    findings: frozenset[str]


def item_findings(events: Events, now_ms: int, policy: Mapping[str, Any] = DEFAULT_POLICY) -> dict[Key, ItemVerdict]:
    """Judge every item that a row names, and those of counted cases that were not registered on their closing day."""
    return judge_items(events, now_ms, policy, judge(events, now_ms, policy).values())


def judge_items(events: Events, now_ms: int, policy: Mapping[str, Any], cases: Iterable[Verdict]) -> dict[Key, ItemVerdict]:
    """The same, beside verdicts that are there already."""
    reference = Reference(events, {**DEFAULT_POLICY, **policy}, json_bytes)
    today = shanghai_day(now_ms)
    unregistered = {(case.unit_code, case.item_code) for case in cases if case.counted and "UNREGISTERED_ITEM" in case.flags}
    main_items = reference.main_items(today)
    keys = reference.registry.keys() | reference.schedules.keys() | reference.modules.keys() | unregistered
    return {
        key: _judge(reference, key, today, leaf=key not in main_items, unregistered=key in unregistered) for key in keys
    }  # fmt: skip


def _judge(reference: Reference, key: Key, today: int, *, leaf: bool, unregistered: bool) -> ItemVerdict:
    module = reference.modules.on(key, today)
    expected = not reference.not_expected(key, today)
    found = {"UNREGISTERED_ITEM"} if unregistered else set()
    if leaf and expected and reference.registry.on(key, today):
        found |= set(_asked(reference, key, today, module))
    return ItemVerdict(expected, leaf, module is not None, frozenset(found))


def _asked(reference: Reference, key: Key, today: int, module: Event | None) -> Iterator[str]:
    """What is found on an item that has to be configured."""
    schedule = reference.schedules.on(key, today)
    if module is None:
        yield "NOT_CONFIGURED"
    elif module.get("archiving_mode", "UNKNOWN") != "ONLINE":
        yield "MODE_MISMATCH"
    if schedule is None:
        if module is not None:
            yield "UNAPPROVED_SCHEDULE"
    elif not schedule.get("approved", True):
        yield "UNAPPROVED_SCHEDULE"
    elif module is not None:
        yield from (f"{field}_MISMATCH" for field, said in _fields(module).items() if said != _fields(schedule)[field])


def _fields(row: Event) -> dict[str, Any]:
    return {
        "RETENTION": row.get("retention", "UNKNOWN"),
        "VERSION": row.get("schedule_version", ""),
        "NAME": plain(row.get("item_name", "")),
        "MATERIAL": {
            (each["kind"], plain(each["name"]), each["code"], each["required"], each["electronic"])
            for each in map(filled, row.get("materials", ()))
        },
    }
