"""What the reference topics say of a unit's items on a day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.oracle.events import Canonical, Event, Events, Key, Rows, item_key
from tests.oracle.items import main_item_of, normalise

_EPOCH = dt.date(1970, 1, 1)


@dataclass
class Reference:
    """Units, and each item's registration, schedule and configuration, as rows of days."""

    events: Events
    policy: Mapping[str, Any]
    canonical: Canonical
    units: Rows[str] = field(init=False)
    registry: Rows[Key] = field(init=False)
    schedules: Rows[Key] = field(init=False)
    modules: Rows[Key] = field(init=False)

    def __post_init__(self) -> None:
        self.units = Rows(self.events.get("unit-registry", ()), lambda row: row["unit_code"], self.canonical)
        self.registry = self._of_items("item-registry")
        self.schedules = self._of_items("archiving-schedule")
        self.modules = self._of_items("module-config")

    def _of_items(self, topic: str) -> Rows[Key]:
        return Rows(self.events.get(topic, ()), item_key, self.canonical)

    def district(self, unit_code: str, day: int) -> str:
        """District of a unit; empty where no row says."""
        row = self.units.on(unit_code, day)
        return str(row["district_code"]) if row else ""

    def not_expected(self, key: Key, day: int) -> str:
        """Why archives of this item are not expected online on a day; empty where they are."""
        row = self.registry.on(key, day)
        if row is None:
            return "" if self.policy["count_unregistered"] else "UNREGISTERED_ITEM"
        build = row.get("build_mode", "UNKNOWN")
        if build == "VERTICAL":
            return "" if self.policy["count_vertical"] else "VERTICAL"
        if build != "SELF_BUILT":
            return ""
        mode = row.get("archiving_mode", "UNKNOWN")
        if mode != "ONLINE":
            return "OFFLINE" if mode == "OFFLINE" else "MODE_UNKNOWN"
        year = (_EPOCH + dt.timedelta(days=day)).year
        return "" if row.get("plan_year", 0) <= year or self.policy["count_before_plan"] else "PLANNED_LATER"

    def flags(self, key: Key, day: int) -> frozenset[str]:
        """What is remarkable about its registration."""
        row = self.registry.on(key, day)
        if row is None:
            return frozenset({"UNREGISTERED_ITEM"})
        return frozenset({"UNKNOWN_BUILD_MODE"} if row.get("build_mode", "UNKNOWN") == "UNKNOWN" else ())

    def is_self_built_online(self, key: Key, day: int) -> bool:
        """Its archives come from a system of the unit's own."""
        row = self.registry.on(key, day)
        return row is not None and (row.get("build_mode"), row.get("archiving_mode")) == ("SELF_BUILT", "ONLINE")

    def approved_schedule(self, key: Key, day: int) -> Event | None:
        """The schedule that configuration and archives are held against."""
        row = self.schedules.on(key, day)
        return row if row and row.get("approved", True) else None

    def main_items(self, day: int) -> set[Key]:
        """Items that another registered item of the unit names as its main item: these are no leaves."""
        named = set()
        for key in self.registry.keys():  # noqa: SIM118  rows by key are no mapping
            if row := self.registry.on(key, day):
                main = (key[0], normalise(row.get("main_item_code", "")) or main_item_of(key[1]))
                if main != key:
                    named.add(main)
        return named

    def unit_name(self, unit_code: str, day: int) -> str:
        """Name of a unit by its row."""
        row = self.units.on(unit_code, day)
        return row.get("unit_name", "") if row else ""
