"""Coverage rows (归档覆盖率), from either of two sources in one shape.

*Live*: sums over the absolute counts that workers keep by bucket. *As of a moment*: every case judged anew from its stored state as
that moment would have seen it. Nothing is ever averaged; a ratio
without a denominator is ``None``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from consumers.clickhouse import Client
from consumers.coverage_sql import NOW, OF_YEARS, as_of_sql, live_sql, live_years_sql, names_sql
from consumers.windows import Window
from streams.domain.coverage import COUNTS
from streams.domain.districts import CITY

Scope = Literal["city", "district", "unit", "type", "main-item", "item"]
SCOPES: tuple[str, ...] = get_args(Scope)
_CITY_NAME = "杭州市"
_OUTSIDE = "八类之外"
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class CompleteThrough:
    """How far each source that sends heartbeats says to be complete, in milliseconds."""

    closings: Mapping[str, int]
    archives: Mapping[str, int]

    @property
    def bound(self) -> dict[str, Any]:
        """What :func:`consumers.coverage_sql.as_of_sql` asks of sources."""
        sides = {"closing": self.closings, "archive": self.archives}
        sources = {f"{side}_sources": list(of) for side, of in sides.items()}
        return sources | {f"{side}s_through": list(of.values()) for side, of in sides.items()}


@dataclass(frozen=True, slots=True)
class Judged:
    """A moment at which every case is judged anew: closings and archives timed after it are ignored.

    Parameters
    ----------
    grace_ms
        ``policy.orphan_grace``.
    complete
        What sources say now: who is not complete through a time today cannot have been in the past.
    ahead
        The moment lies ahead of the clock: all is taken to be read through it. Of one that has come, a reader that lags states nothing.
    """

    now_ms: int
    grace_ms: int
    complete: CompleteThrough
    ahead: bool = False

    @property
    def bound(self) -> dict[str, Any]:
        """Parameters of :func:`consumers.coverage_sql.as_of_sql`, without those of a window."""
        return {"now": self.now_ms, "grace": self.grace_ms, "ahead": int(self.ahead), **self.complete.bound}


TOTALS = ("official_archived", "official_closed")
"""Accepted archive numbers, and closed case numbers: the sources' own totals."""


def coverage_rows(client: Client, by: Scope, window: Window, *, now_ms: int, as_of: Judged | None = None) -> list[Row]:
    """Coverage of every scope that has anything at all in a window, ordered by code; the city always has its row.

    Parameters
    ----------
    now_ms
        Moment whose names are told.
    as_of
        ``None``: what the workers hold now is told, events dated ahead of the clock within the last bucket included.
    """
    return coverage_of(client, (by,), window, now_ms=now_ms, as_of=as_of)[by]


def coverage_of(
    client: Client, by: Sequence[Scope], window: Window, *, now_ms: int, as_of: Judged | None = None, totals: bool = False
) -> dict[Scope, list[Row]]:
    """:func:`coverage_rows` of several kinds of scope, out of one question: whatever is inserted meanwhile, they add up.

    Parameters
    ----------
    totals
        Tell what the official ratio is of, too: :data:`TOTALS`.
    """
    counted: dict[Scope, dict[str, Row]] = {each: {} for each in by}
    for row in _counts(client, by, window, now_ms, as_of):
        kind, code = (by[0], row["scope"]) if isinstance(row["scope"], str) else row["scope"]
        counted[kind][code] = {**row, "scope": code}
    if "city" in counted:
        counted["city"].setdefault(CITY, {"scope": CITY, **dict.fromkeys(COUNTS, 0), "excluded": {}})
    names = {each: names_of(client, each, now_ms) for each in by}
    told = TOTALS if totals else ()
    return {
        each: [
            coverage_row(row, names[each].get(code, "")) | {name: row[name] for name in told} for code, row in sorted(counted[each].items())
        ]
        for each in by
    }


def _counts(client: Client, by: Sequence[Scope], window: Window, now_ms: int, as_of: Judged | None) -> Iterable[Row]:
    bound = {"start": window.start_ms, "end": window.end_ms}
    if as_of is not None:
        sql, bound = as_of_sql(*by), bound | as_of.bound
    elif OF_YEARS.issuperset(by) and window.begins_with_a_year and (window.end_ms > now_ms or window.end_ms == window.year_end_ms):
        sql, bound = live_years_sql(*by), bound | {"until": window.year_end_ms}
    else:
        sql = live_sql(*by)
    found: Iterable[Row] = client.query(sql, parameters=bound).named_results()
    return found


def coverage_row(counts: Mapping[str, Any], name: str) -> Row:
    """One row of the command line's contract out of counts."""
    closed = counts["archived"] + counts["unarchived"] + counts["awaiting"]
    coverage = ratio(counts["archived"], closed)
    official = ratio(counts["official_archived"], counts["official_closed"])
    return {
        "scope": counts["scope"],
        "name": name,
        "closed": closed,
        **{count: counts[count] for count in ("archived", "archived_late", "unarchived", "awaiting", "refused", "orphan")},
        "excluded": {reason: count for reason, count in sorted(counts["excluded"].items()) if count},
        "due": counts["due"],
        "coverage": coverage,
        "coverage_due": ratio(counts["due_archived"], counts["due"]),
        "official": official,
        "divergence": None if official is None or coverage is None else official - coverage,
    }


def ratio(part: int, whole: int) -> float | None:
    """``None`` without a denominator, and never clamped: the official ratio may exceed 1."""
    return part / whole if whole else None


def names_of(client: Client, by: Scope, now_ms: int) -> Mapping[str, str]:
    """Names by code, of every scope of a kind, as registries have them at a moment."""
    if by == "city":
        return {CITY: _CITY_NAME}
    if by == "type":
        return _Same({"": _OUTSIDE})
    sql = names_sql(by if by in {"unit", "district"} else "item", NOW)
    rows: Iterable[tuple[str, str]] = client.query(sql, parameters={"now": now_ms}).result_rows
    return dict(rows)


class _Same(dict[str, str]):
    """Names that are their own codes."""

    def get(self, key: str, default: str | None = None) -> str:  # type: ignore[override]
        """Name of a code."""
        del default
        return super().get(key) or key
