"""The score as of a moment: the same formulas, of the cases, findings and items of then."""
# ruff: noqa: S608 - nothing but constants and our own texts is put into SQL; values are bound

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clickhouse_connect.driver.binding import format_query_value

from consumers.clickhouse import Client
from consumers.coverage import Judged
from consumers.coverage_sql import as_of_sql as cases_sql
from consumers.evidence import is_of_year, scope_of
from consumers.score_sql import ACCEPTED, BYS, CLOSED, COUNTS, OF_CASES, By, anything, faulty_sql, formulas_sql, systems_sql
from streams.domain.rules import KINDS, Cost

Row = dict[str, Any]
_LIST_BYTES = 100_000
"""Of the 262,144 that ClickHouse reads of a question."""
_CASES = f"""
SELECT scope AS place, unarchived, archived + unarchived + awaiting AS closed, archived, official_closed, official_archived
FROM ({cases_sql(*BYS)}
)
WHERE {anything()}"""
_TYPES = f"year UInt16, place Tuple(String, String), {', '.join(f'{name} Int64' for name in COUNTS)}"
_BY_CASE = "_by_case"
_COUNT_OF = {
    Cost.CONFIG_ERROR: "config_errors",
    Cost.UNCONFIGURED: "unconfigured",
    Cost.INACCURATE: f"inaccurate{_BY_CASE}",
    Cost.MISSING: f"missing_material{_BY_CASE}",
}


@dataclass(frozen=True, slots=True)
class AsOf:
    """A moment in the past: closings and archives timed after it are ignored; corrections, reference rows and policy are today's.

    Parameters
    ----------
    findings
        Open ones: rows of :func:`consumers.anomalies.anomaly_rows` as they would stand then.
    items
        All that rows of reference data name, as audited then (:mod:`streams.domain.configuration`).
    """

    moment: Judged
    findings: Sequence[Row]
    items: Sequence[Row]


def as_of_rows(client: Client, year: int, as_of: AsOf, homes: Mapping[str, str], span: Mapping[str, int]) -> Iterator[Row]:
    """Rows of a year as the view ``score`` has them, of each kind of scope by code.

    What counts is added up here and not in one text of SQL, which would be longer for a large city than ClickHouse reads: its users are not
    to raise ``max_query_size``. So the formulas are asked of some scopes at a time.

    Parameters
    ----------
    homes
        Of :func:`consumers.score.homes`, as of the same moment.
    span
        ``start`` and ``end`` of the year as far as it had come (milliseconds, the end excluded).
    """
    then = f"fromUnixTimestamp64Milli({as_of.moment.now_ms})"
    accepted, closed = f"{ACCEPTED} AND at <= {then}", f"{CLOSED} AND closed_at <= {then}"
    of_year = [row for row in as_of.findings if is_of_year(row, year)]
    counts = _counts(of_year, [row for row in as_of.items if row["registered"]], homes)
    for place, *found in client.query(_CASES, parameters={**as_of.moment.bound, **span}).result_rows:
        counts[place].update(dict(zip(OF_CASES, found, strict=True)))
    at_fault = _at_fault(client, [row for row in as_of.findings if row["item_type"]], accepted)
    systems = f"SELECT toString(unit_code), toString(district_code), system FROM ({systems_sql(accepted, closed)}) WHERE year = {year}"
    earning = {
        (place, unit, system)
        for unit, district, system in client.query(systems).result_rows
        if (year, unit, system) not in at_fault
        for place in zip(BYS, (unit, district), strict=True)
    }
    for place, _, _ in earning:
        counts[place]["systems"] += 1
    rows = ((year, place, *(count[name] for name in COUNTS)) for place, count in sorted(counts.items()))
    for written in _literals(rows):
        some = formulas_sql(f"\n    SELECT * FROM values('{_TYPES}', {written})")
        yield from client.query(f"SELECT * FROM ({some}) ORDER BY scope").named_results()


def _counts(findings: Iterable[Row], registered: Iterable[Row], homes: Mapping[str, str]) -> defaultdict[tuple[By, str], Counter[str]]:
    """What given findings and items count; who has an item has counts, be they 0. A waived UNARCHIVED counts less than nothing."""
    counts: defaultdict[tuple[By, str], Counter[str]] = defaultdict(Counter)
    for item in registered:
        for by in BYS:
            counts[by, scope_of(item, by, homes)].update()
    places: set[tuple[str, ...]] = set()
    for row in findings:
        kind, waived = row["kind"], row["waived"]
        for by in BYS:
            scope = scope_of(row, by, homes)
            if waived and kind == "UNARCHIVED":
                counts[by, scope]["unarchived"] -= 1
            elif not waived and (name := _COUNT_OF.get(KINDS[kind].cost)):
                count = counts[by, scope]
                count[name] += 1
                place = (by, scope, row["unit_code"], row["item_code"], kind)
                if name.endswith(_BY_CASE) and place not in places:
                    places.add(place)
                    count[name.removesuffix(_BY_CASE)] += 1
    return counts


def _at_fault(client: Client, findings: Iterable[Row], accepted: str) -> set[tuple[Any, ...]]:
    """Year, unit and system of those that earn nothing because of given findings."""
    costly = {Cost.INACCURATE, Cost.MISSING}
    cases = sorted({row["subject"] for row in findings if KINDS[row["kind"]].cost in costly and not row["waived"]})
    found: set[tuple[Any, ...]] = set()
    for chosen in _literals(cases):
        found.update(map(tuple, client.query(faulty_sql(f"case_no IN ({chosen})", accepted)).result_rows))
    return found


def _literals(values: Iterable[Any]) -> Iterator[str]:
    """Values as SQL writes them, in lists of which each leaves room for a question around it."""
    some: list[str] = []
    room = _LIST_BYTES
    for literal in map(format_query_value, values):
        size = len(f"{literal}, ".encode())
        if some and size > room:
            yield ", ".join(some)
            some, room = [], _LIST_BYTES
        some.append(literal)
        room -= size
    if some:
        yield ", ".join(some)
