"""Configuration of the archiving module (归档模块配置), one item of one unit at a time, as it stands on a day.

Registry, approved schedule and module configuration side by side, and what is wrong between them (docs/design/assessment.md). Asked of leaf
items that are registered and expected online; the authority is the approved schedule.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from streams.domain.expected import first_day_of, not_expected, year_of
from streams.domain.finding import Finding, next_review_ms, recorded
from streams.domain.items import parse_item
from streams.domain.policy import Policy
from streams.domain.reference import Reference, Row, item_key, main_key
from streams.domain.time import EARLIEST_MS, day_of, day_start_ms
from streams.domain.titles import plain

ItemState = dict[str, Any]


class Auditor:
    """The rules with what they rest on."""

    def __init__(self, reference: Reference, policy: Policy) -> None:
        self._reference, self._policy = reference, policy

    def audit(self, unit_code: str, item_code: str, unregistered_in: Sequence[int], now_ms: int) -> ItemState:
        """State of an item at a moment.

        Parameters
        ----------
        item_code
            Normalised.
        unregistered_in
            Partitions with counted cases that found no row of the registry on their closing day.
        """
        reference, day = self._reference, day_of(now_ms)
        key = item_key(unit_code, item_code)
        registered, schedule, config = (rows.row(key, day) for rows in (reference.items, reference.schedules, reference.configs))
        item = parse_item(item_code)
        leaf = registered is not None and reference.items.is_leaf(key, day)
        expected = registered is not None and not not_expected(registered, day, self._policy)
        found = list(_findings(schedule, config)) if leaf and expected else []
        if unregistered_in:
            found.append(Finding("UNREGISTERED_ITEM", None))
        findings = recorded(found, key, reference.waivers, day)
        edges = self._next_change_ms(key, unit_code, registered, day), next_review_ms(findings, reference.waivers, day)
        return {
            "unit_code": unit_code,
            "unit_name": reference.units.name(unit_code, day),
            "district_code": reference.units.district(unit_code, day, ""),
            "item_code": item.code,
            "item_name": _name(registered, schedule, config),
            "main_item_code": main_key(registered).split("|", 1)[1] if registered else item.main_code,
            "main_item_name": _main_item_name(registered, key) if registered else "",
            "item_type": item.type,
            "registered": registered is not None,
            "build_mode": registered["build_mode"] if registered else "UNKNOWN",
            "plan_year": registered["plan_year"] if registered else 0,
            "archiving_mode": registered["archiving_mode"] if registered else "UNKNOWN",
            "case_count_2017": registered["case_count_2017"] if registered else 0,
            "expected_online": expected,
            "leaf": leaf,
            "configured": config is not None,
            "schedule": _side(schedule) if schedule else None,
            "config": _side(config) if config else None,
            "unregistered_in": sorted(unregistered_in),
            "findings": findings,
            "open_anomalies": [finding["kind"] for finding in findings],
            "wake_at": min((at for at in edges if at is not None), default=None),
        }

    def _next_change_ms(self, key: str, unit_code: str, registered: Row | None, day: int) -> int | None:
        """When time alone may change the state: a validity begins or ends, a planned year comes."""
        reference = self._reference
        days = [
            *reference.units.changes_after(unit_code, day),
            *(each for rows in (reference.items, reference.schedules, reference.configs) for each in rows.changes_after(key, day)),
        ]
        if registered and registered["plan_year"] > year_of(day):
            days.append(first_day_of(registered["plan_year"]))
        return day_start_ms(min(days)) if days else None


def _findings(schedule: Row | None, config: Row | None) -> Iterator[Finding]:
    if schedule is not None and not schedule["approved"]:
        yield Finding("UNAPPROVED_SCHEDULE", _since(schedule), detail=schedule["schedule_version"])
    if config is None:
        yield Finding("NOT_CONFIGURED", None)
        return
    if schedule is None:
        yield Finding("UNAPPROVED_SCHEDULE", _since(config), detail=config["schedule_version"])
    if config["archiving_mode"] != "ONLINE":
        yield Finding("MODE_MISMATCH", _since(config), detail=f"{config['archiving_mode']} ≠ ONLINE")
    if schedule is not None and schedule["approved"]:
        yield from _differences(schedule, config)


def _differences(schedule: Row, config: Row) -> Iterator[Finding]:
    since_ms = max((at for at in (_since(schedule), _since(config)) if at is not None), default=None)
    for kind, field in (("RETENTION_MISMATCH", "retention"), ("VERSION_MISMATCH", "schedule_version")):
        if config[field] != schedule[field]:
            yield Finding(kind, since_ms, detail=f"{config[field]} ≠ {schedule[field]}")
    if plain(config["item_name"]) != plain(schedule["item_name"]):
        yield Finding("NAME_MISMATCH", since_ms, detail=f"{config['item_name']} ≠ {schedule['item_name']}")
    wanted, there = _materials(schedule), _materials(config)
    if wanted != there:
        detail = [*(f"缺 {_shown(material)}" for material in sorted(wanted - there)), *(f"多 {_shown(m)}" for m in sorted(there - wanted))]
        yield Finding("MATERIAL_MISMATCH", since_ms, detail="；".join(detail))


Material = tuple[str, str, str, bool, bool]


def _materials(row: Row) -> set[Material]:
    return {(each["kind"], plain(each["name"]), plain(each["code"]), each["required"], each["electronic"]) for each in row["materials"]}


def _shown(material: Material) -> str:
    kind, name, code, required, electronic = material
    return "/".join((kind, name, code, "必需" if required else "非必需", "电子" if electronic else "纸质"))


def _since(row: Row) -> int | None:
    """Since when a row has been valid; those who mean *since ever* write year 1, too, which is no time in UTC."""
    since_ms = None if row["valid_from"] is None else day_start_ms(row["valid_from"])
    return None if since_ms is None or since_ms < EARLIEST_MS else since_ms


def _name(*rows: Row | None) -> str:
    return next((row["item_name"] for row in rows if row and row["item_name"]), "")


def _main_item_name(registered: Row, key: str) -> str:
    """Return what the registry calls the main item; who registers a main item itself names it once."""
    name: str = registered["main_item_name"] or (registered["item_name"] if main_key(registered) == key else "")
    return name


def _side(row: Row) -> dict[str, Any]:
    """What the state shows of a schedule or of a configuration."""
    return {
        "schedule_version": row["schedule_version"],
        "approved": row.get("approved"),
        "archiving_mode": row.get("archiving_mode", ""),
        "retention": row["retention"],
        "item_name": row["item_name"],
        "materials": [dict(material) for material in row["materials"]],
    }
