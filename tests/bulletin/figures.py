"""Figures of a made-up city: all rows are drawn from a seed, so that any size can be had, twice the same."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from consumers.coverage import TOTALS, Scope, coverage_row
from consumers.score_sql import By
from consumers.windows import Window
from ops.bulletin.figures import Row
from ops.bulletin.kinds import CONFIGURATION, TASKS, section_of
from streams.domain.coverage import COUNTS
from streams.domain.districts import CITY, DISTRICT_NAMES, UNKNOWN_DISTRICT
from streams.domain.time import DAY_MS, iso
from streams.settings import instant_ms

NOW_MS = instant_ms("2018-04-10T09:30:00+08:00")
_BUREAUX = (
    "卫生和计划生育局",
    "国土资源局",
    "住房保障和房产管理局",
    "人力资源和社会保障局",
    "市场监督管理局",
    "城市管理委员会",
    "教育局",
    "民政局",
)
_SERVICES = (
    "公共场所卫生行政许可（新发证）",
    "中医医疗广告审查",
    "食品经营许可",
    "社会团体成立登记",
    "不动产抵押权登记",
    "建设工程规划许可证核发",
)
_RECEIPTS = ("ARCHIVING_FAILED", "INSPECTION_FAILED", "DIGEST_MISMATCH")


@dataclass
class MadeUp:
    """A city.

    Parameters
    ----------
    overrides
        (scope of coverage, code) -> fields that replace those of its rows, for what a test wants to see.
    """

    units: int = 8
    items_count: int = 20
    findings_count: int = 60
    now_ms: int = NOW_MS
    overrides: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    extra_findings: list[dict[str, Any]] = field(default_factory=list)
    settings: dict[str, Any] = field(
        default_factory=lambda: {"policy.deadline": "3 workdays", "policy.count_forwarded": False, "policy.deadline_by_item": {}}
    )

    def coverage(self, window: Window) -> Mapping[Scope, Sequence[Row]]:
        """Rows that depend on scope and window alone."""
        names: dict[Scope, dict[str, str]] = {
            "city": {CITY: "杭州市"},
            "district": {code: name for code, name in DISTRICT_NAMES.items() if code != UNKNOWN_DISTRICT},
            "unit": {unit_code(number): unit_name(number) for number in range(self.units)},
            "item": {item_code(number): item_name(number) for number in range(self.items_count)},
        }
        return {by: [self._coverage(by, code, name, window) for code, name in of.items()] for by, of in names.items()}

    def score(self, year: int) -> Mapping[By, Sequence[Row]]:
        """A score for every scope."""
        rows = self.coverage(Window(year, year))
        return {"unit": list(map(_score, rows["unit"])), "district": list(map(_score, rows["district"]))}

    def items(self, unit: str = "") -> Sequence[Row]:
        """One registered item after another, dealt to the units in turn."""
        rows = [_item(number, unit_code(number % self.units)) for number in range(self.items_count)]
        return [row for row in rows if unit in {"", row["unit_code"]}]

    def findings(self, unit: str = "") -> Sequence[Row]:
        """Findings of every kind in turn; every seventeenth is waived."""
        kinds = list(TASKS)
        drawn = [self._finding(number, kinds[number % len(kinds)]) for number in range(self.findings_count)] + self.extra_findings
        rows = {row["anomaly_id"]: row for row in drawn}.values()
        return [row for row in rows if unit in {"", row["unit_code"]}]

    def late_archives(self, window: Window, most: int) -> Sequence[Row]:
        """Some that came late, the latest first."""
        del window
        return [self._late(number) for number in reversed(range(30))][:most]

    def policy(self) -> Mapping[str, Any]:
        """Some settings."""
        return self.settings

    def _coverage(self, by: str, code: str, name: str, window: Window) -> Row:
        drawn = random.Random(f"{by} {code} {window.start_ms}")  # noqa: S311 - the same again for the same words
        counts: dict[str, Any] = dict.fromkeys(COUNTS, 0)
        most = {"city": 100_000, "district": 6_000, "unit": 900, "item": 80}[by]
        counts["archived"] = drawn.randint(most // 3, most)
        counts["archived_late"] = counts["archived"] // drawn.randint(8, 30)
        counts["unarchived"] = drawn.randint(0, most // 12)
        counts["awaiting"] = drawn.randint(0, most // 50)
        counts["refused"] = counts["unarchived"] // 3
        counts["orphan"] = drawn.randint(0, most // 60)
        counts["due"] = counts["archived"] + counts["unarchived"]
        counts["due_archived"] = counts["archived"]
        counts["official_closed"] = counts["archived"] + counts["unarchived"] + counts["awaiting"]
        counts["official_archived"] = counts["archived"] + counts["orphan"]
        excluded = {"VOIDED": drawn.randint(1, most // 40), "TEST_CASE": drawn.randint(1, most // 60)}
        row = coverage_row({"scope": code, **counts, "excluded": excluded}, name) | {name: counts[name] for name in TOTALS}
        return row | self.overrides.get((by, code), {})

    def _late(self, number: int) -> Row:
        finding, late_ms = self._finding(number, "UNARCHIVED"), (number + 1) * DAY_MS // 3
        places = {name: finding[name] for name in ("unit_code", "unit_name", "item_code", "item_name", "closed_at", "due_at")}
        received_at = iso(instant_ms(finding["due_at"]) + late_ms)
        return {**places, "case_no": finding["subject"], "received_at": received_at, "late_ms": late_ms}

    def _finding(self, number: int, kind: str) -> dict[str, Any]:
        unit = number % self.units
        item = number % self.items_count
        configuration = section_of(kind) == CONFIGURATION
        closed_ms = instant_ms("2018-01-02T10:00:00+08:00") + number % 95 * DAY_MS
        waived = number % 17 == 3
        row = finding(kind, f"{unit_code(unit)}|{item_code(item)}" if configuration else f"3301{closed_ms // DAY_MS}{number:07}")
        return row | {
            "unit_code": unit_code(unit),
            "unit_name": unit_name(unit),
            "item_code": item_code(item),
            "item_name": item_name(item),
            "reason": _RECEIPTS[number % 3] if kind == "REFUSED" else "NONE_RECEIVED" if kind == "UNARCHIVED" else "",
            "detail": f"A{number:09}" if kind == "REFUSED" else "",
            "closed_at": None if configuration or kind == "ORPHAN_ARCHIVE" else iso(closed_ms),
            "due_at": None if configuration else iso(closed_ms + 3 * DAY_MS),
            "received_at": iso(closed_ms + 4 * DAY_MS) if kind == "ORPHAN_ARCHIVE" else None,
            "waived": waived,
            "waived_until": "2018-06-30" if waived else None,
            "waived_by": "市档案局 业务指导处" if waived else None,
            "waived_reason": "系统迁移期间，已书面报备" if waived else None,
        }


def finding(kind: str, subject: str, **fields: Any) -> dict[str, Any]:
    """An open finding with every field, most of them empty."""
    empty = dict.fromkeys(("reason", "resolution", "unit_name", "district_code", "item_name", "item_type", "detail"), "")
    none = dict.fromkeys(("late_ms", "closed_at", "due_at", "received_at", "waived_until", "waived_by", "waived_reason"))
    known = {"anomaly_id": f"id-{kind}-{subject}", "kind": kind, "state": "open", "subject": subject, "unit_code": unit_code(0)}
    return {
        **known,
        **empty,
        **none,
        "item_code": item_code(0),
        "backfill": False,
        "waived": False,
        "since": iso(NOW_MS - 30 * DAY_MS),
        **fields,
    }


def unit_code(number: int) -> str:
    """Code of a unit."""
    return f"U{number:04}"


def unit_name(number: int) -> str:
    """Name of a unit."""
    districts = list(DISTRICT_NAMES.values())[:-1]
    return f"{districts[number % len(districts)]}{_BUREAUX[number % len(_BUREAUX)]}" + (
        f"第{number}分局" if number > len(districts) else ""
    )


def item_code(number: int) -> str:
    """Code of an item."""
    return f"许可-{number:05}-000"


def item_name(number: int) -> str:
    """Name of an item."""
    return f"{_SERVICES[number % len(_SERVICES)]}（{number}）"


def _item(number: int, unit: str) -> Row:
    code = item_code(number)
    return {
        "unit_code": unit,
        "item_code": code,
        "item_name": item_name(number),
        "main_item_code": code,
        "main_item_name": item_name(number),
        "build_mode": "MUNICIPAL",
        "plan_year": 0,
        "archiving_mode": "UNKNOWN",
        "case_count_2017": 14 + number % 70,
        "expected_online": number % 5 != 0,
        "leaf": True,
        "configured": number % 3 != 0,
        "findings": [],
    }


def _score(row: Row) -> Row:
    errors, places = len(row["name"]) % 3, len(row["scope"]) % 4
    completeness = max(60.0 - 2 * errors - 50 * row["unarchived"] / row["closed"], 0.0)
    by_case = max(30.0 - 8 * places, 0.0)
    return {
        **{name: row[name] for name in ("scope", "name", "unarchived", "closed")},
        "config_errors": errors,
        "unconfigured": 0,
        "completeness": completeness,
        "inaccurate": places,
        "missing_material": 1,
        "quality": 28.0 - 2 * places,
        "systems": 1,
        "bonus": 5.0,
        "total": completeness + 28 - 2 * places + 5,
        "inaccurate_by_case": places * 3,
        "missing_material_by_case": 4,
        "quality_by_case": by_case,
        "total_by_item": completeness + 28 - 2 * places + 5,
        "total_by_case": completeness + by_case + 5,
    }
