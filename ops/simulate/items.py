"""Items of units: their codes, how they are registered and configured, how careful their clerks are."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from random import Random

from ops.simulate.registration import Registration, Standing
from ops.simulate.schedules import Material, Setup, Table
from ops.simulate.units import Unit

_EPOCH = dt.date(1970, 1, 1)
_TYPES = ("许可", "许可", "许可", "确认", "确认", "给付", "征收", "裁决", "强制", "奖励", "其他", "其他")
_MATTERS = (
    "公共场所卫生", "食品经营", "医疗广告审查", "城市道路占用", "建设工程规划", "排水接入", "出版物零售", "户外广告设置", "临时救助",
    "养老机构设立", "二手房公积金提取", "环境影响评价审批", "道路货物运输经营", "特种设备使用登记", "残疾人补贴", "居住证签发", "失业登记",
)  # fmt: skip
_FAMILY_SIZE, _FAMILIES_AMONG = 3, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An item as its unit knows it.

    Parameters
    ----------
    kind
        One of the eight types; empty: it is none of them.
    weight
        About its cases a year.
    """

    code: str
    main_code: str
    kind: str
    name: str
    unit: Unit
    weight: int
    readable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Item(Draft):
    """One item of one unit, with all that stands of it in reference data.

    Parameters
    ----------
    carelessness
        Share of its cases with something wrong in their files.
    """

    registration: Registration
    setup: Setup
    carelessness: float

    @property
    def registered_name(self) -> str:
        """Its name in the registry."""
        return self.name + self.registration.suffix

    def standing(self, unit: Unit, day: int) -> Standing | None:
        """How it is registered as an item of this unit: of any but its own it is not."""
        return self.registration.on(day) if unit == self.unit else None

    def table(self, unit: Unit, day: int) -> Table | None:
        """Its line in the schedule of this unit, approved or not."""
        return self.setup.table_on(day) if unit == self.unit else None

    def asked(self, unit: Unit, day: int) -> frozenset[Material]:
        """Materials that archives of a case have to have, closed in this unit on that day."""
        table = self.table(unit, day)
        return table.asked if table else frozenset()


def year_of(day: int) -> int:
    """Year of a day since 1970."""
    return (_EPOCH + dt.timedelta(days=day)).year


def draft_items(rng: Random, units: list[Unit], number: int, weights: tuple[int, int]) -> list[Draft]:
    """Items, most of them single, some of them families: a main item with two sub-items in one unit."""
    drafts: list[Draft] = []
    for place in range(number):
        group, member = divmod(place, _FAMILY_SIZE)
        unit, kind, matter, weight = rng.choice(units), rng.choice(_TYPES), rng.choice(_MATTERS), rng.randint(*weights)
        if group % _FAMILIES_AMONG == 0:
            first = drafts[-member] if member else None
            unit, kind, main = (first.unit, first.kind, first.main_code) if first else (unit, kind, f"{kind}-{1000 + group:05d}-000")
            code = f"{main[:-3]}{member:03d}" if member < _FAMILY_SIZE - 1 else f"{main[:-3]}{member:03d}-{rng.randint(1, 9):02d}"
            drafts.append(Draft(code=code, main_code=main, kind=kind, name=f"{matter}{kind}", unit=unit, weight=weight))
        else:
            drafts.append(_single(rng, place, unit, kind, matter, weight))
    return drafts


def busy_item(number: int, unit: Unit, name: str, weight: int) -> Draft:
    """One of the few that make half of all cases."""
    kind = _TYPES[number]
    code = f"{kind}-{90_000 + number:05d}-000"
    return Draft(code=code, main_code=code, kind=kind, name=name, unit=unit, weight=weight)


def _single(rng: Random, place: int, unit: Unit, kind: str, matter: str, weight: int) -> Draft:
    dice, main = rng.random(), 20_000 + place
    name, main_code, readable = f"{matter}{kind}", f"{kind}-{main:05d}-000", True
    code = f"{kind}-{main:05d}-{place % 3:03d}"
    if dice < 0.03:  # noqa: PLR2004  outside the eight types, or known by a UUID only
        uuid = f"{rng.getrandbits(32):08x}-{rng.getrandbits(16):04x}-4a1c-8f00-{rng.getrandbits(48):012x}"
        code = main_code = f"服务-{main:05d}-000" if place % 2 else uuid
        kind, name, readable = "", f"{matter}查询", False
    elif dice < 0.06:  # noqa: PLR2004  a type, and then nothing that can be read
        code = main_code = f"{kind}-{main}A-001"
        readable = False
    elif dice < 0.2:  # noqa: PLR2004
        code += f"-{rng.randint(1, 9):02d}"
    return Draft(code=code, main_code=main_code, kind=kind, name=name, unit=unit, weight=weight, readable=readable)
