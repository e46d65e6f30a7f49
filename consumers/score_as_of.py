"""The score as of a moment: the same formulas, of the cases, findings and items of then."""
# ruff: noqa: S608 - nothing but constants and our own texts is put into SQL; values are bound

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clickhouse_connect.driver.binding import format_query_value

from consumers.clickhouse import Client
from consumers.coverage import Judged
from consumers.coverage_sql import as_of_sql as cases_sql
from consumers.evidence import is_of_year, scope_of
from consumers.score_sql import ACCEPTED, BYS, CLOSED, OF_FINDINGS, OF_ITEMS, By, anything, faulty_sql, score_sql
from streams.domain.rules import KINDS, Cost

Row = dict[str, Any]
_ASKED_AT_ONCE = 1_000
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


def as_of_sql(client: Client, year: int, as_of: AsOf, homes: Mapping[str, str]) -> str:
    """The question of a year's rows. Bound: :attr:`consumers.coverage.Judged.bound`, ``year``, ``start`` and ``end`` (milliseconds).

    Parameters
    ----------
    client
        Asked for the systems of the cases that are at fault.
    homes
        Of :func:`consumers.score.homes`, as of the same moment.
    """
    then = f"fromUnixTimestamp64Milli({as_of.moment.now_ms})"
    accepted, closed = f"{ACCEPTED} AND at <= {then}", f"{CLOSED} AND closed_at <= {then}"
    of_year = [row for row in as_of.findings if is_of_year(row, year)]
    at_fault = _at_fault(client, [row for row in as_of.findings if row["item_type"]], accepted)
    faulty = _literal("year UInt16, unit String, system String", at_fault)
    counts = _counts(of_year, [row for row in as_of.items if row["registered"]], homes)
    cases = f"""
    SELECT {{year:UInt16}} AS year, scope AS place, unarchived, archived + unarchived + awaiting AS closed,
        archived, official_closed, official_archived
    FROM ({cases_sql(*BYS)}
    )
    WHERE {anything()}"""
    return score_sql(cases, _counted(counts, year, OF_ITEMS), _counted(counts, year, OF_FINDINGS), faulty, accepted, closed)


def _counts(findings: Iterable[Row], registered: Iterable[Row], homes: Mapping[str, str]) -> dict[tuple[By, str], Counter[str]]:
    """The counts of :data:`OF_ITEMS` and :data:`OF_FINDINGS`, of given findings and items; who has an item has counts, be they 0."""
    counts: defaultdict[tuple[By, str], Counter[str]] = defaultdict(Counter)
    for item in registered:
        for by in BYS:
            counts[by, scope_of(item, by, homes)] += Counter()
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
    return dict(counts)


def _counted(counts: Mapping[tuple[By, str], Counter[str]], year: int, names: Sequence[str]) -> str:
    """A query that gives some of the counts."""
    rows = ((year, place, *(count[name] for name in names)) for place, count in counts.items())
    return _literal(f"year UInt16, place Tuple(String, String), {', '.join(f'{name} Int64' for name in names)}", rows)


def _at_fault(client: Client, findings: Iterable[Row], accepted: str) -> list[tuple[Any, ...]]:
    """Year, unit and system of those that earn nothing because of given findings."""
    costly = {Cost.INACCURATE, Cost.MISSING}
    cases = sorted({row["subject"] for row in findings if KINDS[row["kind"]].cost in costly and not row["waived"]})
    found: set[tuple[Any, ...]] = set()
    for start in range(0, len(cases), _ASKED_AT_ONCE):
        chosen = ", ".join(map(format_query_value, cases[start : start + _ASKED_AT_ONCE]))
        found.update(map(tuple, client.query(faulty_sql(f"case_no IN ({chosen})", accepted)).result_rows))
    return sorted(found)


def _literal(types: str, rows: Iterable[tuple[Any, ...]]) -> str:
    """A query that gives rows of our own."""
    written = ", ".join(map(format_query_value, rows))
    return f"\n    SELECT * FROM values('{types}', {written})" if written else f"\n    SELECT * FROM null('{types}')"
