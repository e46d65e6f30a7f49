"""The figures of one moment for those who watch: every scope in few questions, each the same sums as the command line's.

City and districts are summed from units here, in whole counts: ClickHouse reads each bucket once.
"""
# ruff: noqa: S608 - nothing but constants is put into a text; values are bound

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from consumers.clickhouse import Client
from consumers.coverage import coverage_row, names_of
from consumers.coverage_sql import NOW, units_sql
from consumers.score import Place, points
from consumers.windows import parse_window
from streams.domain.coverage import COUNTS, DUE_COUNTS
from streams.domain.districts import CITY, UNKNOWN_DISTRICT
from streams.domain.expected import year_of
from streams.domain.time import DAY_MS, day_of

YEAR, DUE_WINDOWS = "ytd", ("24h", "7d", "30d")
_BY_PARTITION = "SETTINGS do_not_merge_across_partitions_select_final = 1"
_TOUCHED = "touched"
Row = Mapping[str, Any]


class Scope(NamedTuple):
    """A part of the city: ``by`` is city, district or unit."""

    by: str
    code: str


class Fallen(NamedTuple):
    """Cases that fell due, and how many of them are archived by now; without those of which a silent source keeps us from knowing."""

    due: int
    archived: int


@dataclass(frozen=True, slots=True)
class Delays:
    """Days from closing to archive: how many cases up to each bound and above the one before, the last above all; and their sum."""

    counts: Sequence[int]
    days: float


class Unit(NamedTuple):
    """What a unit is called and where it belongs."""

    code: str
    name: str
    district: str


@dataclass(frozen=True, slots=True)
class Figures:
    """The counts of one moment.

    Parameters
    ----------
    coverage
        Rows of the year to date as ``guidang coverage`` prints them, without names.
    due
        By scope and window.
    open_findings
        Number of open findings that no waiver covers, by unit, kind, and whether they are backfill.
    oldest_overdue_ms
        Unit to the earliest due time among its open UNARCHIVED, those that are waived or backfill left out.
    dead_letters
        By reason.
    """

    coverage: Mapping[Scope, Row]
    due: Mapping[tuple[Scope, str], Fallen]
    open_findings: Mapping[tuple[str, str, bool], int]
    oldest_overdue_ms: Mapping[str, int]
    dead_letters: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Assessment:
    """What takes a look at every case.

    Parameters
    ----------
    score
        Parts of the score of the year as ``guidang score`` prints them; the city has none.
    delays
        Of the city's cases closed this year.
    """

    score: Mapping[Scope, Row]
    delays: Delays
    units: Sequence[Unit]


def figures(client: Client, now_ms: int) -> Figures:
    """Ask for the counts: sums of buckets, and the findings."""
    buckets = list(_buckets(client, now_ms))
    counts = _by_scope(buckets, (*COUNTS, _TOUCHED))
    due = {window: _by_scope(buckets, _fallen(window)) for window in DUE_WINDOWS}
    return Figures(
        coverage={scope: _row(scope, found) for scope, found in counts.items() if found[_TOUCHED] or scope.by == "city"},
        due={(scope, window): Fallen(*found.values()) for window in DUE_WINDOWS for scope, found in due[window].items()},
        open_findings=_open_findings(client),
        oldest_overdue_ms=_oldest_overdue_ms(client),
        dead_letters=dict(client.query("SELECT toString(reason), count() FROM dead_letter FINAL GROUP BY reason").result_rows),
    )


def assessment(client: Client, now_ms: int, *, place: Place, delay_bounds: Sequence[float]) -> Assessment:
    """Ask for what takes a look at every case: seconds, where there are millions.

    Parameters
    ----------
    place
        ``policy.score.place``.
    delay_bounds
        In days, rising.
    """
    scored = points(client, year=year_of(day_of(now_ms)), place=place)
    return Assessment(
        {Scope(*place_): row for place_, row in scored.items()}, _delays(client, now_ms, delay_bounds), _units(client, now_ms)
    )


def _buckets(client: Client, now_ms: int) -> Iterable[Row]:
    """Sums by unit and district, for the year and for what fell due: the year's own buckets, less the hours still to come."""
    year = parse_window(YEAR, now_ms)
    starts = {f"start_{name}": parse_window(name, now_ms).start_ms for name in DUE_WINDOWS}
    of_year = [f"{_of_year(f'b.{name}', name)} AS {name}" for name in COUNTS]
    # Whether there is anything at all, cases that are not counted included: such a unit has its row, of zeros.
    touched = f"{' + '.join((*COUNTS, _of_year('arraySum(mapValues(b.excluded))')))} AS {_TOUCHED}"
    fallen = [f"sumIf({count}, {_since(name)}) AS {column}" for name in DUE_WINDOWS for count, column in _columns(name)]
    sql = f"""
SELECT toString(unit_code) AS unit, toString(district_code) AS district, {", ".join([*of_year, touched, *fallen])}
FROM coverage_partial AS b FINAL
WHERE bucket_start < {_moment("until")}
  AND (granularity = 'YEAR' AND due_start >= {_moment("start")} OR granularity = 'HOUR' AND due_start >= {_moment("first")})
GROUP BY unit, district
{_BY_PARTITION}"""
    bound = {**starts, "start": year.start_ms, "end": year.end_ms, "until": year.year_end_ms, "first": min(starts.values())}
    found: Iterable[Row] = client.query(sql, parameters=bound).named_results()
    return found


def _of_year(count: str, name: str = "") -> str:
    """Sum of a count over the year to date; ``name`` tells at which time it lies."""
    time = "b.due_start" if name in DUE_COUNTS else "b.bucket_start"
    years = f"b.granularity = 'YEAR' AND {time} = {_moment('start')}"
    ahead = f"b.granularity = 'HOUR' AND {time} >= {_moment('end')} AND {time} < {_moment('until')}"
    return f"sumIf({count}, {years}) - sumIf({count}, {ahead})"


def _since(window: str) -> str:
    """Whether what a bucket of hours counts fell due in a window; what has fallen due has done so by now."""
    return f"b.granularity = 'HOUR' AND b.due_start >= {_moment(f'start_{window}')} AND b.bucket_start < {_moment('end')}"


def _moment(name: str) -> str:
    return f"fromUnixTimestamp64Milli({{{name}:Int64}})"


def _columns(window: str) -> Iterable[tuple[str, str]]:
    return zip(("b.due - b.due_awaiting", "b.due_archived"), _fallen(window), strict=True)


def _fallen(window: str) -> tuple[str, str]:
    return f"due_{window}", f"due_archived_{window}"


def _by_scope(buckets: Iterable[Row], names: Sequence[str]) -> dict[Scope, dict[str, int]]:
    """Sums of columns by scope; the city always has its own."""
    sums: defaultdict[Scope, dict[str, int]] = defaultdict(lambda: dict.fromkeys(names, 0))
    sums[Scope("city", CITY)] = dict.fromkeys(names, 0)
    for row in buckets:
        for scope in (Scope("city", CITY), Scope("district", row["district"]), Scope("unit", row["unit"])):
            counts = sums[scope]
            for name in names:
                counts[name] += row[name]
    return dict(sums)


def _row(scope: Scope, counts: Mapping[str, int]) -> Row:
    return coverage_row({**counts, "scope": scope.code, "excluded": {}}, "")


def _open_findings(client: Client) -> dict[tuple[str, str, bool], int]:
    sql = """
SELECT toString(unit_code), toString(kind), backfill, count() FROM anomaly FINAL
WHERE state = 'OPENED' AND NOT waived GROUP BY unit_code, kind, backfill"""
    return {(unit, kind, bool(backfill)): count for unit, kind, backfill, count in client.query(sql).result_rows}


def _oldest_overdue_ms(client: Client) -> dict[str, int]:
    sql = """
SELECT toString(unit_code), min(toUnixTimestamp64Milli(assumeNotNull(due_at))) FROM anomaly FINAL
WHERE state = 'OPENED' AND NOT waived AND NOT backfill AND kind = 'UNARCHIVED' AND isNotNull(due_at) GROUP BY unit_code"""
    return dict(client.query(sql).result_rows)


def _delays(client: Client, now_ms: int, bounds: Sequence[float]) -> Delays:
    window = parse_window(YEAR, now_ms)
    sql = f"""
SELECT arrayFirstIndex(bound -> days <= bound, {{bounds:Array(Float64)}}) AS bucket, count() AS cases, sum(days) AS days_in_all
FROM (
    SELECT greatest(assumeNotNull(delay_ms), 0) / {DAY_MS} AS days FROM case_state FINAL
    WHERE status IN ('ARCHIVED', 'ARCHIVED_LATE') AND isNotNull(delay_ms)
      AND closed_at >= fromUnixTimestamp64Milli({{start:Int64}}) AND closed_at < fromUnixTimestamp64Milli({{end:Int64}})
)
GROUP BY bucket
{_BY_PARTITION}"""
    bound = {"bounds": [float(each) for each in bounds], "start": window.start_ms, "end": window.end_ms}
    counts, days = [0] * (len(bounds) + 1), 0.0
    for bucket, cases, days_in_all in client.query(sql, parameters=bound).result_rows:
        counts[bucket - 1] = cases  # 0: above all bounds, which is the last place
        days += days_in_all
    return Delays(counts, days)


def _units(client: Client, now_ms: int) -> list[Unit]:
    """Each unit with a case or an item once: in the district that its registry names today, else in its last case's."""
    of_cases = """
SELECT toString(unit_code), argMaxIf(toString(district_code), coalesce(closed_at, received_at),
    coalesce(closed_at, received_at) <= fromUnixTimestamp64Milli({now:Int64}))
FROM case_state FINAL WHERE unit_code != '' GROUP BY unit_code"""
    of_items = "SELECT DISTINCT toString(unit_code), '' FROM item FINAL WHERE registered"
    of_registry = f"SELECT unit, district_code FROM ({units_sql(NOW)})"
    cases, items, registry = (dict(client.query(sql, parameters={"now": now_ms}).result_rows) for sql in (of_cases, of_items, of_registry))
    names = names_of(client, "unit", now_ms)
    return [
        Unit(unit, names.get(unit, ""), registry.get(unit) or cases.get(unit) or UNKNOWN_DISTRICT)
        for unit in sorted(cases.keys() | items.keys())
    ]
