"""Districts, units and items of a city like Hangzhou before and through a change of its districts."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from random import Random
from typing import Any

from ops.simulate.calendar import day_number

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
_TYPES = ("许可", "许可", "许可", "确认", "确认", "给付", "征收", "裁决", "强制", "奖励", "其他", "其他")
_MATTERS = (
    "公共场所卫生", "食品经营", "医疗广告审查", "城市道路占用", "建设工程规划", "排水接入", "出版物零售", "户外广告设置", "临时救助",
    "养老机构设立", "二手房公积金提取", "环境影响评价审批", "道路货物运输经营", "特种设备使用登记", "残疾人补贴", "居住证签发", "失业登记",
)  # fmt: skip
_BUSY = {0: "居民身份证办理", 4: "企业设立登记", 10: "机动车驾驶证换发", 12: "住房公积金提取", 13: "公园年票办理"}
"""Place of a municipal unit -> its busy item."""
_SMALL_YEAR = (14, 83)
SOURCES = ("zwfw", "gjj", "jiaotong", "yuanlin", "")
"""Source systems: the platform, and units' own (自建); the empty one names none."""
SILENT_SOURCE = "yuanlin"
QUIET_SOURCE = "jiaotong"
"""Sends no heartbeats at all: nothing is waited for."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit.

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


@dataclass(frozen=True, slots=True)
class Item:
    """One item of one unit; ``weight`` is about its cases a year."""

    code: str
    main_code: str
    kind: str
    name: str
    unit: Unit
    weight: int
    readable: bool = True


class City:
    """Units and items enough for a number of cases.

    About half of the cases fall on items with 14 to 83 a year, the rest on five busy ones.
    """

    def __init__(self, rng: Random, n_cases: int, year: int) -> None:
        self.change_day = day_number(dt.date(year, 7, 1))
        self.units = self._units()
        self.by_code = {unit.code: unit for unit in self.units}
        small = max(12, n_cases // 2 * 2 // sum(_SMALL_YEAR))
        busy = [self._item(rng, 90_000 + k, self.units[at], name, n_cases // 10) for k, (at, name) in enumerate(_BUSY.items())]
        self.items = [
            self._item(rng, k, rng.choice(self.units), rng.choice(_MATTERS), rng.randint(*_SMALL_YEAR)) for k in range(small)
        ] + busy
        self.outage_unit = busy[0].unit

    def registry(self, rng: Random) -> list[dict[str, Any]]:
        """Records of unit-registry: validity spans, corrected rows, and a row that was taken back."""
        rows = []
        for place, unit in enumerate(self.units):
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

    def _units(self) -> list[Unit]:
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
                        source_system="zwfw" if own is None else own,
                        listed=listed,
                        moves_on=self.change_day if district == _MERGED and listed else 0,
                        moved_to=_INTO if district == _MERGED and listed else "",
                    )
                )
        return units

    def _item(self, rng: Random, number: int, unit: Unit, matter: str, weight: int) -> Item:
        dice = rng.random()
        kind, main = rng.choice(_TYPES), 100 + number // 3
        if dice < 0.02:  # noqa: PLR2004  outside the eight types, or known by a UUID only
            code = (
                f"服务-{main:05d}-000"
                if number % 2
                else f"{rng.getrandbits(32):08x}-{rng.getrandbits(16):04x}-4a1c-8f00-{rng.getrandbits(48):012x}"
            )
            return Item(code, code, "", f"{matter}查询", unit, weight, readable=False)
        if dice < 0.04:  # noqa: PLR2004  a type, and then nothing that can be read
            return Item(f"{kind}-{main}A-001", f"{kind}-{main}A-001", kind, f"{matter}{kind}", unit, weight, readable=False)
        fourth = f"-{rng.randint(1, 9):02d}" if dice < 0.15 else ""  # noqa: PLR2004
        return Item(f"{kind}-{main:05d}-{number % 3:03d}{fourth}", f"{kind}-{main:05d}-000", kind, f"{matter}{kind}", unit, weight)


def _row(unit: Unit, event_id: str, revision: int, district: str, first: int | None, last: int | None) -> dict[str, Any]:
    return {
        "event_id": event_id, "revision": revision, "deleted": False, "valid_from": first, "valid_to": last,
        "unit_code": unit.code, "unit_name": unit.name, "district_code": district, "district_name": DISTRICTS[district],
    }  # fmt: skip
