"""Coverage rows of the oracle, in the shape of the contract (without ``name``, which is a label and no figure)."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.oracle.calendar import HOUR_MS, day_of, day_start_ms, shanghai_day
from tests.oracle.events import Canonical, Events, json_bytes
from tests.oracle.items import main_item_of, type_of
from tests.oracle.oracle import DEFAULT_POLICY, judge
from tests.oracle.verdict import AcceptedArchive, Verdict

CITY = "330100"
_DAY_HOURS = {"1h": 1, "24h": 24, "7d": 7 * 24, "30d": 30 * 24}


def window_ms(window: str, now_ms: int) -> tuple[int, int]:
    """First and last millisecond of a window."""
    if window in {"1h", "24h"}:
        start = now_ms - _DAY_HOURS[window] * HOUR_MS
        return start - start % HOUR_MS, now_ms
    if window in _DAY_HOURS:
        return day_start_ms(shanghai_day(now_ms - _DAY_HOURS[window] * HOUR_MS)), now_ms
    if window == "ytd":
        year = (dt.date(1970, 1, 1) + dt.timedelta(days=shanghai_day(now_ms))).year
        return day_start_ms(day_of(dt.date(year, 1, 1))), now_ms
    first, last = window.split("..")
    return day_start_ms(day_of(dt.date.fromisoformat(first))), day_start_ms(day_of(dt.date.fromisoformat(last)) + 1) - 1


def coverage(
    events: Events,
    now_ms: int,
    by: str,
    window: str,
    policy: Mapping[str, Any] = DEFAULT_POLICY,
    *,
    as_of: bool = False,
    canonical: Canonical = json_bytes,
) -> list[dict[str, Any]]:
    """Rows of ``guidang coverage --by … --window …``, by scope; a scope with nothing in the window has none."""
    verdicts = judge(events, now_ms, policy, as_of=as_of, canonical=canonical)
    return rows(verdicts.values(), now_ms, by, window)


def rows(verdicts: Iterable[Verdict], now_ms: int, by: str, window: str) -> list[dict[str, Any]]:
    """Count verdicts, each fact at its own time and place."""
    start_ms, end_ms = window_ms(window, now_ms)
    counts: dict[str, Counter[str]] = {}
    for case in verdicts:
        for what, where, at_ms in _facts(case, now_ms):
            if at_ms is not None and start_ms <= at_ms <= end_ms:
                counts.setdefault(_scope(by, where), Counter())[what] += 1
    return [_row(scope, counted) for scope, counted in sorted(counts.items())]


def _facts(case: Verdict, now_ms: int) -> Iterator[tuple[str, Verdict | AcceptedArchive, int | None]]:
    """What one case adds to figures: which, in whose place, and at what time."""
    if case.counted:
        yield "closed", case, case.closed_at
        yield {"ARCHIVED_LATE": "archived"}.get(case.status, case.status.lower()), case, case.closed_at
        if case.status == "ARCHIVED_LATE":
            yield "archived_late", case, case.closed_at
        if case.refused:
            yield "refused", case, case.closed_at
        if case.due_at is not None and case.due_at <= now_ms:
            yield "due", case, case.due_at
            if case.received_at is not None:
                yield "due_archived", case, case.due_at
    if case.status == "EXCLUDED":
        yield f"excluded {case.reason}", case, case.closed_at
    if case.status == "ORPHAN":
        yield "orphan", case, case.received_at
    if not case.deleted:
        yield "official_closed", case, case.closed_at
    for archive in case.archives:
        yield "official_archived", archive, archive.accepted_at


def _scope(by: str, where: Verdict | AcceptedArchive) -> str:
    return {
        "city": CITY,
        "district": where.district_code,
        "unit": where.unit_code,
        "type": type_of(where.item_code),
        "main-item": main_item_of(where.item_code),
        "item": where.item_code,
    }[by]


def _row(scope: str, counted: Counter[str]) -> dict[str, Any]:
    coverage = _ratio(counted["archived"], counted["closed"])
    official = _ratio(counted["official_archived"], counted["official_closed"])
    figures = ("closed", "archived", "archived_late", "unarchived", "awaiting", "refused", "orphan", "due")
    return {
        "scope": scope,
        **{name: counted[name] for name in figures},
        "excluded": {name.removeprefix("excluded "): number for name, number in sorted(counted.items()) if name.startswith("excluded ")},
        "coverage": coverage,
        "coverage_due": _ratio(counted["due_archived"], counted["due"]),
        "official": official,
        "divergence": None if official is None or coverage is None else official - coverage,
    }


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
