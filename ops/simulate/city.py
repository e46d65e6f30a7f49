"""A city: its units, their items, and what happens to each of these."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import fields
from random import Random

from ops.simulate import registration, schedules
from ops.simulate.calendar import day_number
from ops.simulate.items import Draft, Item, busy_item, draft_items
from ops.simulate.rows import deal
from ops.simulate.units import make_units

_BUSY = {0: "居民身份证办理", 4: "企业设立登记", 10: "机动车驾驶证换发", 12: "住房公积金提取", 13: "公园年票办理"}
"""Place of a municipal unit -> its busy item."""
_ON_OWN_SYSTEM = 12
_CARELESS_BUSY = 4
_SMALL_YEAR = (14, 83)
_CARELESSNESS = {"careful": 85.0, "careless": 15.0}
_SHARE = {"careful": 0.0, "careless": 0.3}


class City:
    """Units and items enough for a number of cases.

    About half of the cases fall on items with 14 to 83 a year, the rest on five busy ones.
    """

    def __init__(self, rng: Random, n_cases: int, year: int) -> None:
        self.year = year
        self.change_day = day_number(dt.date(year, 7, 1))
        self.units = make_units(self.change_day)
        small = max(12, n_cases // 2 * 2 // sum(_SMALL_YEAR))
        self.items = [*self._small(rng, draft_items(rng, self.units, small, _SMALL_YEAR)), *self._busy(n_cases // 10)]
        self.outage_unit = self.units[next(iter(_BUSY))]
        self._families: dict[str, list[Item]] = {}
        for item in self.items:
            self._families.setdefault(item.main_code, []).append(item)

    def is_leaf(self, item: Item, day: int) -> bool:
        """No other item that is registered on that day has it as its main item."""
        others = (other for other in self._families[item.code] if other.code != item.code) if item.code == item.main_code else ()
        return not any(other.registration.on(day) for other in others)

    def _small(self, rng: Random, drafts: list[Draft]) -> list[Item]:
        """Deal what happens to whom; each kind of wrong configuration goes to some item that is asked for its configuration."""
        registrations = deal(rng, _weights(registration.STORIES), len(drafts))
        parents = {draft.main_code for draft in drafts if draft.code != draft.main_code}
        asked = [story in registration.PLAIN and draft.code not in parents for draft, story in zip(drafts, registrations, strict=True)]
        dealt = iter(deal(rng, _weights(schedules.STORIES), sum(asked)))
        setups = [next(dealt) if each else rng.choice(list(schedules.STORIES)) for each in asked]
        care = deal(rng, _CARELESSNESS, len(drafts))
        return [
            self._item(draft, registered, setup, rng.choice(schedules.TABLES), _SHARE[how])
            for draft, registered, setup, how in zip(drafts, registrations, setups, care, strict=True)
        ]

    def _busy(self, weight: int) -> list[Item]:
        return [
            self._item(
                busy_item(number, self.units[place], name, weight),
                "self-built, online" if place == _ON_OWN_SYSTEM else "municipal",
                "right",
                schedules.TABLES[0],
                0.01 if place == _CARELESS_BUSY else 0.0,
            )
            for number, (place, name) in enumerate(_BUSY.items())
        ]

    def _item(self, draft: Draft, registered: str, setup: str, table: schedules.Table, carelessness: float) -> Item:
        return Item(
            **{field.name: getattr(draft, field.name) for field in fields(draft)},
            registration=registration.register(registered, self.year),
            setup=schedules.set_up(setup, table, self.change_day),
            carelessness=carelessness,
        )


def _weights(stories: Mapping[str, tuple[float, object]]) -> dict[str, float]:
    return {name: weight for name, (weight, _) in stories.items()}
