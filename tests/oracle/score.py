"""The score (考核得分) of the oracle, per unit or district and year."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.oracle.calendar import day_of, day_start_ms, shanghai_day
from tests.oracle.configuration import MISMATCHES, ItemVerdict, judge_items
from tests.oracle.events import Events, Key, json_bytes
from tests.oracle.items import type_of
from tests.oracle.oracle import DEFAULT_POLICY, judge
from tests.oracle.quality import INACCURATE, MISSING
from tests.oracle.reference import Reference
from tests.oracle.verdict import UNKNOWN_DISTRICT, Verdict
from tests.oracle.waivers import Waivers, anomaly_id

Place = tuple[str, ...]


@dataclass
class _Tally:
    """What one scope has; places are sets, so that each is counted once."""

    config_errors: int = 0
    unconfigured: int = 0
    unarchived: int = 0
    closed: int = 0
    by_item: dict[str, set[Place]] = field(default_factory=lambda: {"inaccurate": set(), "missing_material": set()})
    by_case: dict[str, set[Place]] = field(default_factory=lambda: {"inaccurate": set(), "missing_material": set()})
    systems: set[tuple[str, str]] = field(default_factory=set)


def score(
    events: Events, now_ms: int, year: int, by: str = "unit", policy: Mapping[str, Any] = DEFAULT_POLICY, *, as_of: bool = False
) -> list[dict[str, Any]]:
    """Rows of ``guidang score --year … --by …``, by scope, with both ways of counting places; ``as_of`` as for :func:`judge`."""
    return _Assessment(events, now_ms, year, by, {**DEFAULT_POLICY, **policy}, as_of=as_of).rows()


class _Assessment:
    def __init__(self, events: Events, now_ms: int, year: int, by: str, policy: Mapping[str, Any], *, as_of: bool) -> None:
        self._by, self._today = by, shanghai_day(now_ms)
        self._first_ms, self._end_ms = (day_start_ms(day_of(dt.date(each, 1, 1))) for each in (year, year + 1))
        self._reference = Reference(events, policy, json_bytes)
        self._waivers = Waivers(events)
        self._tallies: dict[str, _Tally] = {}
        self._named: dict[str, Counter[str]] = {}
        cases = judge(events, now_ms, policy, as_of=as_of).values()
        for case in cases:
            self._take_case(case)
        for key, item in judge_items(events, now_ms, policy, cases).items():
            self._take_item(key, item)
        self._take_systems(cases)

    def rows(self) -> list[dict[str, Any]]:
        return [_row(scope, tally) for scope, tally in sorted(self._tallies.items())]

    def _take_case(self, case: Verdict) -> None:
        for archive in case.archives:
            if self._in_year(archive.accepted_at):
                self._tally(archive.unit_code, archive.district_code)
        if case.status == "ORPHAN" and self._in_year(case.received_at):
            self._tally(case.unit_code, case.district_code)
        if not self._in_year(case.closed_at):
            return
        tally, open_kinds = self._tally(case.unit_code, case.district_code), self._open(case.anomalies, case.case_no)
        tally.closed += case.counted
        if case.counted and case.district_code != UNKNOWN_DISTRICT:
            self._named.setdefault(case.unit_code, Counter())[case.district_code] += 1
        tally.unarchived += "UNARCHIVED" in open_kinds
        for part, kinds in (("inaccurate", INACCURATE), ("missing_material", MISSING)):
            for kind in open_kinds & kinds if case.item_type else ():
                tally.by_item[part].add((case.unit_code, case.item_code, kind))
                tally.by_case[part].add((case.case_no, kind))

    def _take_item(self, key: Key, item: ItemVerdict) -> None:
        """Only registered items can cost anything; one that is not gives no row either."""
        if self._reference.registry.on(key, self._today) is None:
            return
        tally = self._tally(key[0], self._reference.district(key[0], self._today) or self._home(key[0]))
        open_kinds = self._open(item.findings, "|".join(key))
        if not type_of(key[1]):
            return
        tally.config_errors += len(open_kinds & MISMATCHES)
        tally.unconfigured += "NOT_CONFIGURED" in open_kinds

    def _home(self, unit_code: str) -> str:
        """The district that most of the unit's counted cases of the year name, the first of several."""
        named = self._named.get(unit_code, Counter())
        return min(named, key=lambda district: (-named[district], district), default=UNKNOWN_DISTRICT)

    def _take_systems(self, cases: Iterable[Verdict]) -> None:
        """Systems of a unit that earn a bonus: those with archives this year, and nothing found on any of their cases of the year.

        A case is of the year in which it closed, and of those in which an archive of it was accepted.
        """
        spoilt = {
            (case.unit_code, system)
            for case in cases
            if any(map(self._in_year, (case.closed_at, *(archive.accepted_at for archive in case.archives))))
            and case.item_type
            and self._open(case.anomalies, case.case_no) & (INACCURATE | MISSING)
            for system in _systems(case)
        }
        for case in cases:
            if case.counted and self._is_self_built_online(case):
                found = {archive.source_system for archive in case.archives if self._in_year(archive.accepted_at)}
                scope = case.unit_code if self._by == "unit" else case.district_code
                if scope in self._tallies:
                    earning = {(case.unit_code, system) for system in found if system}
                    self._tallies[scope].systems |= earning - spoilt

    def _is_self_built_online(self, case: Verdict) -> bool:
        assert case.closed_at is not None
        return self._reference.is_self_built_online((case.unit_code, case.item_code), shanghai_day(case.closed_at))

    def _open(self, kinds: frozenset[str], subject: str) -> frozenset[str]:
        return frozenset(kind for kind in kinds if not self._waivers.hold(anomaly_id(kind, subject), self._today))

    def _in_year(self, moment_ms: int | None) -> bool:
        return moment_ms is not None and self._first_ms <= moment_ms < self._end_ms

    def _tally(self, unit_code: str, district_code: str) -> _Tally:
        return self._tallies.setdefault(unit_code if self._by == "unit" else district_code, _Tally())


def _systems(case: Verdict) -> set[str]:
    """Source systems whose case it is: those of its archives; without any, its own."""
    return {archive.source_system for archive in case.archives} or {case.source_system}


def _row(scope: str, tally: _Tally) -> dict[str, Any]:
    share = tally.unarchived / tally.closed if tally.closed else 0.0
    completeness = max(0.0, 60 - 2 * tally.config_errors - 10 * tally.unconfigured - 50 * share)
    bonus = float(min(10, 5 * len(tally.systems)))
    row: dict[str, Any] = {
        "scope": scope,
        "config_errors": tally.config_errors,
        "unconfigured": tally.unconfigured,
        "unarchived": tally.unarchived,
        "closed": tally.closed,
        "completeness": completeness,
        "systems": len(tally.systems),
        "bonus": bonus,
    }
    for places, suffix in ((tally.by_item, ""), (tally.by_case, "_by_case")):
        counts = {part: len(found) for part, found in places.items()}
        quality = max(0.0, 30 - 2 * counts["inaccurate"] - 2 * counts["missing_material"])
        row |= {f"{part}{suffix}": count for part, count in counts.items()}
        row |= {f"quality{suffix}": quality, f"total{suffix}": completeness + quality + bonus}
    return row
