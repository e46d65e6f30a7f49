"""Reference data: units and districts, items, schedules, module configurations, waivers, and how far each source is complete.

What is *counted* and where depends on these; a case's facts never do. Rows may come in any order and any number of times.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from streams.domain.districts import UNKNOWN_DISTRICT
from streams.domain.facts import canonical
from streams.domain.items import parse_item
from streams.domain.time import day_of

Row = Mapping[str, Any]
Identity = tuple[int, str]


class Rows:
    """Versioned rows with validity dates.

    For a given day the row with the highest (revision, event_id) counts among those whose validity covers it. A
    deletion that wins leaves no row. Days are numbers since 1970, ``None`` for open.
    """

    def __init__(self) -> None:
        self._rows: dict[str, list[tuple[Identity, Row]]] = {}

    def add(self, key: str, row: Row) -> bool:
        """Take in a row; return whether anything changed."""
        rows = self._rows.setdefault(key, [])
        identity = identity_of(row)
        for place, (known, old) in enumerate(rows):
            if known == identity:
                if canonical(row) <= canonical(old):
                    return False
                rows[place] = identity, row
                return True
        insort(rows, (identity, row), key=lambda entry: entry[0])
        return True

    def row(self, key: str, day: int) -> Row | None:
        """The row that counts on a day."""
        for _, row in reversed(self._rows.get(key, ())):
            if _covers(row, day):
                return None if row["deleted"] else row
        return None

    def identity(self, key: str, day: int) -> Identity | None:
        """Of the row that wins on a day, though it be a deletion: what was taken back is another state than what never was."""
        return next((identity for identity, row in reversed(self._rows.get(key, ())) if _covers(row, day)), None)

    def keys(self) -> Iterable[str]:
        """Every key that a row has."""
        return self._rows.keys()

    def of(self, key: str) -> Iterator[Row]:
        """Every row of a key, the highest last."""
        return (row for _, row in self._rows.get(key, ()))

    def edges(self, key: str) -> Iterator[int]:
        """Days from which another row may count."""
        for row in self.of(key):
            yield from (edge for edge in (row["valid_from"], row["valid_to"] and row["valid_to"] + 1) if edge)

    def changes_after(self, key: str, day: int) -> Iterator[int]:
        """Days after ``day`` from which another row may count."""
        return (edge for edge in self.edges(key) if edge > day)


class Units:
    """The rows of ``unit-registry``."""

    def __init__(self) -> None:
        self._rows = Rows()

    def add(self, row: Row) -> bool:
        """Take in a row; return whether anything changed."""
        return self._rows.add(row["unit_code"], row)

    def row(self, unit_code: str, day: int) -> Row | None:
        """The row that counts for a unit on a day."""
        return self._rows.row(unit_code, day)

    def identity(self, unit_code: str, day: int) -> Identity | None:
        """As :meth:`Rows.identity`."""
        return self._rows.identity(unit_code, day)

    def district(self, unit_code: str, day: int, otherwise: str) -> str:
        """Code of the unit's district on a day; without a row ``otherwise``, and without that UNKNOWN."""
        row = self._rows.row(unit_code, day)
        return (row["district_code"] if row else otherwise) or UNKNOWN_DISTRICT

    def name(self, unit_code: str, day: int) -> str:
        """Name of the unit on a day; empty without a row."""
        row = self._rows.row(unit_code, day)
        return str(row["unit_name"]) if row else ""

    def edges(self, unit_code: str) -> Iterator[int]:
        """Days from which another row may count."""
        return self._rows.edges(unit_code)

    def changes_after(self, unit_code: str, day: int) -> Iterator[int]:
        """Days after ``day`` from which another row may count."""
        return self._rows.changes_after(unit_code, day)


def item_key(unit_code: str, item_code: str) -> str:
    """Subject of an item of a unit: ``unit|item``, the code normalised."""
    return f"{unit_code}|{parse_item(item_code).code}"


class Items:
    """The rows of ``item-registry``: what units confirmed of their items (基础信息确认表, 附件1)."""

    def __init__(self) -> None:
        self._rows = Rows()
        self._subs: defaultdict[str, set[str]] = defaultdict(set)

    def add(self, row: Row) -> bool:
        """Take in a row; return whether anything changed."""
        key, main = item_key(row["unit_code"], row["item_code"]), main_key(row)
        if main != key:
            self._subs[main].add(key)
        return self._rows.add(key, row)

    def row(self, key: str, day: int) -> Row | None:
        """The row that counts for an item on a day."""
        return self._rows.row(key, day)

    def identity(self, key: str, day: int) -> Identity | None:
        """As :meth:`Rows.identity`."""
        return self._rows.identity(key, day)

    def keys(self) -> Iterable[str]:
        """Every item that a row names."""
        return self._rows.keys()

    def of(self, key: str) -> Iterator[Row]:
        """Every row of an item."""
        return self._rows.of(key)

    def is_leaf(self, key: str, day: int) -> bool:
        """Whether no other item that is registered on a day names this one as its main item."""
        rows = (self._rows.row(sub, day) for sub in self._subs.get(key, ()))
        return not any(row and main_key(row) == key for row in rows)

    def family(self, key: str) -> list[str]:
        """The item and, in order, every other that some row names as one of its sub-items: whether it is a leaf rests on them."""
        return [key, *sorted(self._subs.get(key, ()))]

    def edges(self, key: str) -> Iterator[int]:
        """Days from which the item, or whether it is a leaf, may be another."""
        for each in self.family(key):
            yield from self._rows.edges(each)

    def changes_after(self, key: str, day: int) -> Iterator[int]:
        """Days after ``day`` from which the item, or whether it is a leaf, may be another."""
        return (edge for edge in self.edges(key) if edge > day)


class Waivers:
    """The rows of ``waiver`` (豁免), by the id of the finding that each sets aside."""

    def __init__(self) -> None:
        self._rows = Rows()

    def add(self, row: Row) -> bool:
        """Take in a row; return whether anything changed."""
        return self._rows.add(row["anomaly_id"], row)

    def row(self, anomaly_id: str, day: int) -> Row | None:
        """The row that counts for a finding on a day, though its ``until`` be over."""
        return self._rows.row(anomaly_id, day)

    def edges(self, anomaly_id: str) -> Iterator[int]:
        """Days from which a finding may be set aside, or be no longer."""
        yield from self._rows.edges(anomaly_id)
        yield from (row["until"] + 1 for row in self._rows.of(anomaly_id))

    def basis(self, anomaly_id: str, day: int) -> list[Any]:
        """What a finding's waiver rests on by a day: the row, though it be a deletion, and how many of its changes time has brought."""
        return [self._rows.identity(anomaly_id, day), sum(edge <= day for edge in self.edges(anomaly_id))]


def main_key(row: Row) -> str:
    """Subject of the main item of a registered one: as the row says, else as its code does."""
    unit, main = row["unit_code"], row["main_item_code"]
    return item_key(unit, main) if main else f"{unit}|{parse_item(row['item_code']).main_code}"


def identity_of(row: Row) -> Identity:
    """What ranks a row among its like."""
    return row["revision"], row["event_id"]


def _covers(row: Row, day: int) -> bool:
    start, end = row["valid_from"], row["valid_to"]
    return (start is None or start <= day) and (end is None or day <= end)


_MOST_CLAIMS = 1_024
"""Of a source and topic. When there are more, every other one is forgotten: a reader far behind then waits for a later one."""


@dataclass(slots=True)
class _Claims:
    seen_at_ms: list[int] = field(default_factory=list)
    through_ms: list[int] = field(default_factory=list)


class Feeds:
    """What sources say in ``feed-heartbeat``: *everything through this time has been sent*.

    A claim may be used only by a reader that has read past the claim: the archives it speaks of lie before it in
    time, not before the reader. So
    each is kept with the moment at which we saw it, and :meth:`through` gives only those seen at or before the reader's watermark.
    """

    def __init__(self) -> None:
        self._claims: dict[tuple[str, str], _Claims] = {}

    def add(self, source_system: str, topic: str, complete_through_ms: int, seen_at_ms: int) -> bool:
        """Take in a claim; return whether this source is heard of for the first time on this topic."""
        new = (source_system, topic) not in self._claims
        claims = self._claims.setdefault((source_system, topic), _Claims())
        if claims.through_ms and complete_through_ms <= claims.through_ms[-1]:
            return new
        if len(claims.seen_at_ms) == _MOST_CLAIMS:
            del claims.seen_at_ms[:-1:2], claims.through_ms[:-1:2]
        claims.seen_at_ms.append(seen_at_ms)
        claims.through_ms.append(complete_through_ms)
        return new

    def known(self, source_system: str, topic: str) -> bool:
        """Whether this source sends heartbeats for this topic at all."""
        return (source_system, topic) in self._claims

    def sources(self, topic: str) -> list[str]:
        """The sources that send heartbeats for a topic."""
        return [source for source, of in self._claims if of == topic]

    def through(self, source_system: str, topic: str, watermark_ms: int | None) -> int | None:
        """Latest time through which the source is complete for a reader at ``watermark_ms``; ``None``: no claim can be used yet."""
        claims = self._claims.get((source_system, topic))
        if claims is None or watermark_ms is None:
            return None
        usable = bisect_right(claims.seen_at_ms, watermark_ms)
        return claims.through_ms[usable - 1] if usable else None


@dataclass(slots=True)
class Reference:
    """All reference data that verdicts rest on.

    Parameters
    ----------
    schedules, configs
        ``archiving-schedule`` (归档范围和保管期限表) and ``module-config`` (归档模块配置), by :func:`item_key`.
    """

    units: Units = field(default_factory=Units)
    items: Items = field(default_factory=Items)
    schedules: Rows = field(default_factory=Rows)
    configs: Rows = field(default_factory=Rows)
    waivers: Waivers = field(default_factory=Waivers)
    feeds: Feeds = field(default_factory=Feeds)

    def approved(self, key: str, day: int) -> Row | None:
        """The schedule of an item on a day, if the archives bureau approved it."""
        row = self.schedules.row(key, day)
        return row if row and row["approved"] else None

    def subjects(self) -> set[str]:
        """Every ``unit|item`` that a row of registry, schedule or configuration names."""
        return {*self.items.keys(), *self.schedules.keys(), *self.configs.keys()}

    def place_of(self, key: str) -> tuple[str, str] | None:
        """Unit and normalised item that a subject stands for, as some row says; ``None`` where none does."""
        for rows in (self.items.of(key), self.schedules.of(key), self.configs.of(key)):
            for row in rows:
                return row["unit_code"], parse_item(row["item_code"]).code
        return None

    def basis(self, unit_code: str, item_code: str, time_ms: int) -> list[Identity | None]:
        """Which rows a verdict about a time rests on: their identities."""
        key, day = item_key(unit_code, item_code), day_of(time_ms)
        return [self.units.identity(unit_code, day), *(rows.identity(key, day) for rows in (self.items, self.schedules, self.configs))]

    def item_basis(self, unit_code: str, item_code: str, time_ms: int) -> list[Any]:
        """Which rows the state of an item at a time rests on, and how often one may have taken another's place by then.

        A validity that ends brings the rows back that counted before it began; what they say then is news all the same.
        """
        key, day = item_key(unit_code, item_code), day_of(time_ms)
        family = [self.items.identity(each, day) for each in self.items.family(key)]
        edges = [*self.units.edges(unit_code), *self.items.edges(key), *self.schedules.edges(key), *self.configs.edges(key)]
        passed = sum(edge <= day for edge in edges)
        return [*self.basis(unit_code, item_code, time_ms), family, passed]
