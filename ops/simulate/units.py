"""Districts and units of a city like Hangzhou before and through a change of its districts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

DISTRICTS = {
    "330100": "市级",
    "330102": "上城区",
    "330103": "下城区",
    "330104": "江干区",
    "330105": "拱墅区",
    "330106": "西湖区",
    "330108": "滨江区",
    "330109": "萧山区",
    "330110": "余杭区",
    "330111": "富阳区",
    "330112": "临安区",
    "330122": "桐庐县",
    "330127": "淳安县",
    "330182": "建德市",
    "330191": "经济技术开发区",
    "330192": "西湖风景名胜区",
    "330193": "大江东产业集聚区",
}
_MUNICIPAL, _MERGED, _INTO = "330100", "330103", "330105"
_BUREAUS = (
    "公安局",
    "民政局",
    "人力资源和社会保障局",
    "卫生和计划生育局",
    "市场监督管理局",
    "城市管理局",
    "住房和城乡建设局",
    "环境保护局",
)
_MUNICIPAL_BUREAUS = (*_BUREAUS, "规划局", "国土资源局", "交通运输局", "文化广电新闻出版局", "住房公积金管理中心", "园林文物局")
_DISTRICT_BUREAUS = 5
PLATFORM = "zwfw"
SOURCES = (PLATFORM, "gjj", "jiaotong", "yuanlin", "")
"""Source systems: the platform, and units' own (自建); the empty one names none."""
Feed = tuple[str, str]
"""Source and topic."""
SILENT_SOURCE = "yuanlin"
QUIET_SOURCE = "jiaotong"
"""Sends no heartbeats at all: nothing is waited for."""


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """One unit, one object each.

    Parameters
    ----------
    listed
        ``unit-registry`` has a row of it; else its events say its district, or nobody does.
    moves_on
        First day in ``moved_to``; 0: it stays.
    """

    code: str
    name: str
    district_code: str
    source_system: str
    listed: bool = True
    moves_on: int = 0
    moved_to: str = ""

    def district_on(self, day: int) -> str:
        """District of a day, as unit-registry has it; for a unit not listed, as its events have it."""
        return self.moved_to if self.moves_on and day >= self.moves_on else self.district_code


def make_units(change_day: int) -> list[Unit]:
    """All units; those of one district move into another on ``change_day``."""
    units: list[Unit] = []
    for district, name in DISTRICTS.items():
        municipal = district == _MUNICIPAL
        for number, bureau in enumerate(_MUNICIPAL_BUREAUS if municipal else _BUREAUS[:_DISTRICT_BUREAUS]):
            place = len(units)
            own = {"住房公积金管理中心": "gjj", "交通运输局": QUIET_SOURCE, "园林文物局": SILENT_SOURCE, "环境保护局": ""}.get(bureau)
            listed = place % 17 not in {5, 14}
            units.append(
                Unit(
                    code=f"{district}{number + 1:03d}",
                    name=("杭州市" if municipal else name) + bureau,
                    district_code=district if listed or place % 3 else "",
                    source_system=PLATFORM if own is None else own,
                    listed=listed,
                    moves_on=change_day if district == _MERGED and listed else 0,
                    moved_to=_INTO if district == _MERGED and listed else "",
                )
            )
    return units


def unit_records(rng: Random, units: Sequence[Unit]) -> list[dict[str, Any]]:
    """Records of unit-registry: validity spans, corrected rows, and a row that was taken back."""
    rows = []
    for place, unit in enumerate(units):
        if unit.listed:
            spans: list[tuple[str, int | None, int | None]] = [(unit.district_code, None, None)]
            if unit.moves_on:
                spans = [(unit.district_code, None, unit.moves_on - 1), (unit.moved_to, unit.moves_on, None)]
            for part, (district, first, last) in enumerate(spans):
                if place % 9 == 0:  # entered wrong at first
                    rows.append(_row(unit, f"{unit.code}-{part}-0", 1, rng.choice(list(DISTRICTS)), first, last))
                rows.append(_row(unit, f"{unit.code}-{part}-1", 2, district, first, last))
        elif place % 2:  # entered, and taken back
            rows.append(_row(unit, f"{unit.code}-0", 1, rng.choice(list(DISTRICTS)), None, None))
            rows.append(_row(unit, f"{unit.code}-1", 2, "330193", None, None) | {"deleted": True})
    return rows


def _row(unit: Unit, event_id: str, revision: int, district: str, first: int | None, last: int | None) -> dict[str, Any]:
    return {
        "event_id": event_id, "revision": revision, "deleted": False, "valid_from": first, "valid_to": last,
        "unit_code": unit.code, "unit_name": unit.name, "district_code": district, "district_name": DISTRICTS[district],
    }  # fmt: skip
