"""Ranking (排名) of units and districts by coverage, with the change since the period before."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from ops.bulletin.figures import Row
from ops.bulletin.model import Standing
from streams.domain.districts import UNKNOWN_DISTRICT

N = TypeVar("N", int, float)
_COPIED = (
    *("scope", "name", "closed", "archived", "archived_late", "unarchived", "awaiting", "refused", "orphan"),
    *("due", "coverage", "coverage_due", "official_archived", "official_closed", "official", "divergence"),
)


def standings(rows: Sequence[Row], before: Sequence[Row], scores: Iterable[Row] = ()) -> tuple[Standing, ...]:
    """Rank coverage rows, the best first; equal coverages share a rank.

    Scopes with nothing closed, and the cases of no known district, come last without one.

    Parameters
    ----------
    rows, before
        Coverage rows of the period and of the one before.
    scores
        Score rows of the year.
    """
    ranks, earlier_ranks = _ranks(rows), _ranks(before)
    earlier = {row["scope"]: row["coverage"] for row in before}
    scored = {row["scope"]: row for row in scores}
    ranked = (
        Standing(
            **{name: row[name] for name in _COPIED},
            rank=ranks.get(row["scope"]),
            rank_change=_difference(earlier_ranks.get(row["scope"]), ranks.get(row["scope"])),
            excluded=sum(row["excluded"].values()),
            coverage_change=_difference(row["coverage"], earlier.get(row["scope"])),
            score=scored.get(row["scope"], {}).get("total"),
            score_by_item=scored.get(row["scope"], {}).get("total_by_item"),
            score_by_case=scored.get(row["scope"], {}).get("total_by_case"),
        )
        for row in rows
    )
    return tuple(sorted(ranked, key=lambda one: (one.rank or len(rows) + 1, -one.closed, one.scope)))


def _ranks(rows: Sequence[Row]) -> Mapping[str, int]:
    ranked = [row for row in rows if row["coverage"] is not None and row["scope"] != UNKNOWN_DISTRICT]
    coverages = sorted(-row["coverage"] for row in ranked)
    return {row["scope"]: bisect_left(coverages, -row["coverage"]) + 1 for row in ranked}


def _difference(one: N | None, other: N | None) -> N | None:
    return None if one is None or other is None else one - other
