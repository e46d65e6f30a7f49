"""Coverage rows (归档覆盖率), from either of two sources in one shape.

*Live*: sums over the absolute counts that workers keep by bucket. *As of a moment*: every case judged anew from its stored state as
that moment would have seen it. Nothing is ever averaged; a ratio
without a denominator is ``None``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args

from consumers.clickhouse import Client
from consumers.coverage_sql import NOW, as_of_sql, live_sql, names_sql
from consumers.windows import Window
from streams.domain.coverage import COUNTS
from streams.domain.districts import CITY

Scope = Literal["city", "district", "unit", "type", "main-item", "item"]
SCOPES: tuple[str, ...] = get_args(Scope)
_CITY_NAME = "杭州市"
_OUTSIDE = "八类之外"
Row = dict[str, Any]


def coverage_rows(client: Client, by: Scope, window: Window, *, now_ms: int, orphan_grace_ms: int, as_of: bool = False) -> list[Row]:
    """Coverage of every scope that has anything at all in a window, ordered by code; the city always has its row.

    Parameters
    ----------
    now_ms
        Moment at which the window ends and at which, with ``as_of``, cases are judged.
    as_of
        Ignore closings and archives timed after ``now_ms``. Otherwise what the workers hold now is told, events dated ahead of the clock
        within the last bucket included.
    """
    bound = {"start": window.start_ms, "end": window.end_ms}
    if as_of:
        sql = as_of_sql(by)
        bound |= {"now": now_ms, "grace": orphan_grace_ms}
    else:
        sql = live_sql(by)
    answer = client.query(sql, parameters=bound)
    counted = {row["scope"]: row for row in answer.named_results()}
    if by == "city":
        counted.setdefault(CITY, {"scope": CITY, **dict.fromkeys(COUNTS, 0), "excluded": {}})
    names = names_of(client, by, now_ms)
    return [coverage_row(counts, names.get(scope, "")) for scope, counts in sorted(counted.items())]


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
