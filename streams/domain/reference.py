"""Reference data: which district a unit belongs to, and how far each source has declared its data complete.

What is *counted* and where depends on these; a case's facts never do. Rows may come in any order and any number of times.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from streams.domain.districts import DISTRICT_NAMES, UNKNOWN_DISTRICT
from streams.domain.facts import canonical

Row = Mapping[str, Any]


class Units:
    """The rows of ``unit-registry``.

    For a given day the row with the highest (revision, event_id) counts among those whose validity covers it. A
    deletion that wins leaves no row.
    """

    def __init__(self) -> None:
        self._rows: dict[str, dict[tuple[int, str], Row]] = defaultdict(dict)

    def add(self, row: Row) -> bool:
        """Take in a row (days as numbers since 1970, ``None`` for open); return whether anything changed."""
        rows = self._rows[row["unit_code"]]
        identity = (row["revision"], row["event_id"])
        old = rows.get(identity)
        if old is not None and canonical(row) <= canonical(old):
            return False
        rows[identity] = row
        return True

    def row(self, unit_code: str, day: int) -> Row | None:
        """The row that counts for a unit on a day."""
        rows = self._rows.get(unit_code)
        if not rows:
            return None
        covering = [identity for identity, row in rows.items() if _covers(row, day)]
        winner = rows[max(covering)] if covering else None
        return None if winner is None or winner["deleted"] else winner

    def district(self, unit_code: str, day: int, otherwise: str) -> str:
        """Code of the unit's district on a day; without a row ``otherwise``, and without that UNKNOWN."""
        row = self.row(unit_code, day)
        return (row["district_code"] if row else otherwise) or UNKNOWN_DISTRICT

    def district_names(self) -> dict[str, str]:
        """All names of districts, by code: those that rows give over those that are fixed."""
        given = [(identity, row) for rows in self._rows.values() for identity, row in rows.items() if row["district_name"]]
        given.sort(key=lambda pair: pair[0])
        return {**DISTRICT_NAMES, **{row["district_code"]: row["district_name"] for _, row in given}}


def _covers(row: Row, day: int) -> bool:
    start, end = row["valid_from"], row["valid_to"]
    return (start is None or start <= day) and (end is None or day <= end)


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
    """All reference data that verdicts rest on."""

    units: Units = field(default_factory=Units)
    feeds: Feeds = field(default_factory=Feeds)
