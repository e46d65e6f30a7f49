"""The score (考核细则) of every unit and district, for a year.

One text of SQL holds the formulas. With live counts it is the view ``score`` in ClickHouse (``migrations/0007_score.sql``, of which a test
holds that it is this text), of the findings open now and not waived; as of a moment it is asked directly, with the findings of then.
"""
# ruff: noqa: S608 - nothing but constants and our own texts is put into SQL; values are bound

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from clickhouse_connect.driver.binding import format_query_value

from consumers.clickhouse import Client
from consumers.coverage import names_of
from consumers.coverage_sql import as_of_sql
from streams.domain.expected import FIRST_PLAN_YEAR, LAST_PLAN_YEAR
from streams.domain.rules import KINDS, Cost, kinds_of
from streams.domain.time import day_number, day_start_ms

By = Literal["unit", "district"]
Place = Literal["item", "case"]
PARTS = ("completeness", "quality", "bonus", "total")
Row = dict[str, Any]

_COUNTS = (
    *("config_errors", "unconfigured", "unarchived", "closed", "inaccurate", "missing_material", "systems"),
    *("inaccurate_by_case", "missing_material_by_case", "archived", "official_closed", "official_archived"),
)
_SCOPES = "arrayJoin([('unit', toString(unit_code)), ('district', toString(district_code))]) AS place"
_ALL_YEARS = f"range(toUInt16({FIRST_PLAN_YEAR}), toUInt16({LAST_PLAN_YEAR + 1}))"
"""Years for which a unit without a single case has a row all the same, for its configuration."""
_COUNTED = ("archived", "unarchived", "awaiting", "orphan", "official_closed", "official_archived")
_ANYTHING = " + ".join([*(f"b.{name}" for name in _COUNTED), "arraySum(mapValues(excluded))"])
_OF_FINDINGS = (
    *("unarchived", "config_errors", "unconfigured"),
    *("inaccurate", "missing_material", "inaccurate_by_case", "missing_material_by_case"),
)
_OF_CASES = ("unarchived", "closed", "archived", "official_closed", "official_archived")
_OFFICIAL = ", ".join(f"sum(b.{name}) AS {name}" for name in ("archived", "official_closed", "official_archived"))
_CASES = f"""
    SELECT toUInt16(toYear(bucket_start)) AS year, {_SCOPES}, sum(b.unarchived) AS unarchived,
        sum(b.archived + b.unarchived + b.awaiting) AS closed, {_OFFICIAL}
    FROM coverage_partial AS b FINAL
    WHERE granularity = 'YEAR' AND {_ANYTHING} > 0
    GROUP BY year, place"""


def _list(*costs: Cost) -> str:
    return ", ".join(f"'{kind}'" for cost in costs for kind in kinds_of(cost))


_CONFIG, _QUALITY = _list(Cost.CONFIG_ERROR, Cost.UNCONFIGURED), _list(Cost.INACCURATE, Cost.MISSING)
_FINDINGS = f"""
    SELECT
        arrayJoin(if(kind IN ({_CONFIG}), {_ALL_YEARS}, [toUInt16(toYear(assumeNotNull(closed_at)))])) AS year, {_SCOPES},
        -countIf(waived) AS unarchived,
        countIf(kind IN ({_list(Cost.CONFIG_ERROR)})) AS config_errors,
        countIf(kind IN ({_list(Cost.UNCONFIGURED)})) AS unconfigured,
        uniqExactIf((unit_code, item_code, kind), kind IN ({_list(Cost.INACCURATE)})) AS inaccurate,
        uniqExactIf((unit_code, item_code, kind), kind IN ({_list(Cost.MISSING)})) AS missing_material,
        countIf(kind IN ({_list(Cost.INACCURATE)})) AS inaccurate_by_case,
        countIf(kind IN ({_list(Cost.MISSING)})) AS missing_material_by_case
    FROM anomaly FINAL
    WHERE state = 'OPENED' AND (kind IN ({_CONFIG}) OR isNotNull(closed_at)) AND item_type != ''
      AND if(waived, kind = 'UNARCHIVED', kind IN ({_CONFIG}, {_QUALITY}))
    GROUP BY year, place"""
_ACCEPTED = "isNotNull(at)"
_FAULTY_NOW = f"""hasAny(open_anomalies, [{_QUALITY}])
              AND case_no IN (SELECT subject FROM anomaly FINAL WHERE state = 'OPENED' AND NOT waived AND kind IN ({_QUALITY}))"""


def score_sql(cases: str = _CASES, findings: str = "", faulty: str = "", accepted: str = _ACCEPTED) -> str:
    """Rows of every year, by unit and by district.

    Parameters
    ----------
    cases
        A query that gives ``year``, ``place`` (by, scope) and :data:`_OF_CASES` of every scope with anything at all.
    findings
        A query that gives ``year``, ``place`` and :data:`_OF_FINDINGS`; without it, of the findings open now.
    faulty
        A query that gives ``year``, ``unit`` and ``system`` of all that earn nothing; without it, by the findings open now.
    accepted
        A condition on the time ``at`` of an acceptance, which may be NULL.
    """
    return f"""
SELECT
    year, place.1 AS by, place.2 AS scope,
    {", ".join(f"sum(part.{name}) AS {name}" for name in _COUNTS)},
    greatest(0., 60. - 2 * config_errors - 10 * unconfigured - if(closed = 0, 0., 50 * unarchived / closed)) AS completeness,
    greatest(0., 30. - 2 * inaccurate - 2 * missing_material) AS quality,
    least(10., 5. * systems) AS bonus,
    completeness + quality + bonus AS total,
    greatest(0., 30. - 2 * inaccurate_by_case - 2 * missing_material_by_case) AS quality_by_case,
    completeness + quality_by_case + bonus AS total_by_case,
    if(official_closed = 0, NULL, official_archived / official_closed) AS official,
    official - if(closed = 0, NULL, archived / closed) AS divergence
FROM
({_parts(cases, findings or _FINDINGS, faulty or _faulty_sql(_FAULTY_NOW), accepted)}
) AS part
GROUP BY year, place"""


def _parts(cases: str, findings: str, faulty: str, accepted: str) -> str:
    of_registry = f"SELECT DISTINCT arrayJoin({_ALL_YEARS}) AS year, {_SCOPES} FROM item FINAL WHERE registered"
    of_systems = f"""
    SELECT year, {_SCOPES}, uniqExact(unit_code, system) AS systems
    FROM (
        SELECT DISTINCT toUInt16(toYear(assumeNotNull(archive.1))) AS year, unit_code, district_code,
            if(archive.2 = '', toString(source_system), archive.2) AS system
        FROM case_state FINAL
        ARRAY JOIN arrayFilter((one, at) -> {accepted},
            arrayZip(archives.accepted_at, archives.source_system), archives.accepted_at) AS archive
        WHERE build_mode = 'SELF_BUILT' AND archiving_mode = 'ONLINE' AND isNotNull(closed_at) AND status != 'EXCLUDED'
          AND system != ''
    )
    WHERE (year, toString(unit_code), system) NOT IN ({faulty}
    )
    GROUP BY year, place"""
    parts = {cases: _OF_CASES, findings: _OF_FINDINGS, of_registry: (), of_systems: ("systems",)}
    return "\n    UNION ALL".join(f"\n    SELECT year, place, {_columns(given)} FROM ({part}\n    )" for part, given in parts.items())


def _faulty_sql(which: str, accepted: str = _ACCEPTED) -> str:
    """Systems that earn nothing: those of the cases of ``which``, in the year of the closing and in those of the acceptances.

    A case is of the systems of its accepted archives; where one names none, or there is none, of its own.
    """
    return f"""
        SELECT DISTINCT arrayJoin(arrayPushBack(accepted.1, toUInt16(toYear(assumeNotNull(closed_at))))) AS year,
            toString(unit_code) AS unit, arrayJoin(if(empty(accepted.2), [toString(source_system)], accepted.2)) AS system
        FROM (
            SELECT closed_at, unit_code, source_system, arrayFilter(at -> {accepted}, archives.accepted_at) AS times,
                arrayFilter((system, at) -> {accepted}, archives.source_system, archives.accepted_at) AS systems,
                tuple(arrayMap(at -> toUInt16(toYear(assumeNotNull(at))), times),
                    arrayMap(system -> if(system = '', toString(source_system), system), systems)) AS accepted
            FROM case_state FINAL
            WHERE isNotNull(closed_at) AND item_type != '' AND {which}
        )"""


def _columns(given: Iterable[str]) -> str:
    return ", ".join(f"toInt64({name if name in given else 0}) AS {name}" for name in _COUNTS)


@dataclass(frozen=True, slots=True)
class AsOf:
    """A moment in the past: closings and archives timed after it are ignored; corrections, reference rows and policy are today's.

    Parameters
    ----------
    grace_ms
        ``policy.orphan_grace``.
    findings
        Rows of :func:`consumers.anomalies.anomaly_rows` as they would stand then.
    """

    now_ms: int
    grace_ms: int
    findings: Sequence[Row]


def score_rows(client: Client, *, year: int, by: By, now_ms: int, place: Place = "item", as_of: AsOf | None = None) -> list[Row]:
    """Rows of ``guidang score``, ordered by code.

    Parameters
    ----------
    now_ms
        Moment whose names are told.
    place
        ``policy.score.place``: what 处 means in the columns without ``_by_case``.
    as_of
        ``None``: what the workers hold now.
    """
    bound: dict[str, Any] = {"year": year, "by": by}
    if as_of is None:
        source = "score"
    else:
        then_ms = as_of.now_ms
        bound |= {"now": then_ms, "grace": as_of.grace_ms, "start": _year_start_ms(year), "end": min(_year_start_ms(year + 1), then_ms + 1)}
        source = f"({_as_of_sql(client, year, by, as_of)})"
    sql = f"SELECT * FROM {source} WHERE year = {{year:UInt16}} AND by = {{by:String}} ORDER BY scope"
    names = names_of(client, by, now_ms)
    return [_row(found, names.get(found["scope"], ""), place) for found in client.query(sql, parameters=bound).named_results()]


def points(client: Client, *, year: int, place: Place = "item") -> dict[tuple[By, str], Row]:
    """What every unit and district scores: :data:`PARTS` of :func:`score_rows`, in one question."""
    read = _READINGS[place]
    columns = ", ".join(read.get(part, part) for part in PARTS)
    sql = f"SELECT by, scope, {columns} FROM score WHERE year = {{year:UInt16}}"
    found = client.query(sql, parameters={"year": year}).result_rows
    return {(by, scope): dict(zip(PARTS, parts, strict=True)) for by, scope, *parts in found}


def evidence_rows(findings: Iterable[Row], *, year: int, by: By) -> dict[str, list[Row]]:
    """What every deduction rests on, by scope: finding, subject, item, detail and clause; waived ones too, marked as such.

    Parameters
    ----------
    findings
        Open ones (:func:`consumers.anomalies.anomaly_rows`).
    """
    scope = "unit_code" if by == "unit" else "district_code"
    found: dict[str, list[Row]] = {}
    for row in findings:
        kind = KINDS[row["kind"]]
        if (kind.cost or row["kind"] == "UNARCHIVED") and _is_of(row, year):
            fields = ("kind", "subject", "item_code", "item_name", "detail", "since", "waived", "waived_by", "waived_reason")
            found.setdefault(row[scope], []).append({**{name: row[name] for name in fields}, "clause": kind.clause})
    return found


def _is_of(row: Row, year: int) -> bool:
    """Whether an open finding may cost something in a year: of the eight types, and of a case that closed in it, or of configuration."""
    return bool(row["item_type"]) and (row["closed_at"] is None or row["closed_at"].startswith(str(year)))


def _as_of_sql(client: Client, year: int, by: By, as_of: AsOf) -> str:
    accepted = f"{_ACCEPTED} AND at <= fromUnixTimestamp64Milli({as_of.now_ms})"
    of_year = [row for row in as_of.findings if _is_of(row, year)]
    at_fault = _at_fault(client, [row for row in as_of.findings if row["item_type"]], accepted)
    faulty = _literal("year UInt16, unit String, system String", at_fault)
    return score_sql(_cases_as_of(by), _findings_sql(of_year, year, by), faulty, accepted)


def _findings_sql(findings: Iterable[Row], year: int, by: By) -> str:
    """The counts of :data:`_FINDINGS`, of given findings."""
    scope = "unit_code" if by == "unit" else "district_code"
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    places: set[tuple[str, str, str, str]] = set()
    for row in findings:
        kind, count = row["kind"], counts[row[scope]]
        if row["waived"]:
            count["unarchived"] -= kind == "UNARCHIVED"
        elif name := _COUNT_OF.get(KINDS[kind].cost):
            count[name] += 1
            place = (row[scope], row["unit_code"], row["item_code"], kind)
            if name.endswith(_BY_CASE) and place not in places:
                places.add(place)
                count[name.removesuffix(_BY_CASE)] += 1
    types = ", ".join(f"{name} Int64" for name in _OF_FINDINGS)
    rows = ((year, (by, of), *(count[name] for name in _OF_FINDINGS)) for of, count in counts.items())
    return _literal(f"year UInt16, place Tuple(String, String), {types}", rows)


def _at_fault(client: Client, findings: Iterable[Row], accepted: str) -> list[tuple[Any, ...]]:
    """Year, unit and system of those that earn nothing because of given findings."""
    costly = {Cost.INACCURATE, Cost.MISSING}
    cases = sorted({row["subject"] for row in findings if KINDS[row["kind"]].cost in costly and not row["waived"]})
    found: set[tuple[Any, ...]] = set()
    for start in range(0, len(cases), _ASKED_AT_ONCE):
        chosen = ", ".join(map(format_query_value, cases[start : start + _ASKED_AT_ONCE]))
        found.update(map(tuple, client.query(_faulty_sql(f"case_no IN ({chosen})", accepted)).result_rows))
    return sorted(found)


def _literal(types: str, rows: Iterable[tuple[Any, ...]]) -> str:
    """A query that gives rows of our own."""
    written = ", ".join(map(format_query_value, rows))
    return f"\n    SELECT * FROM values('{types}', {written})" if written else f"\n    SELECT * FROM null('{types}')"


_ASKED_AT_ONCE = 1_000
_BY_CASE = "_by_case"
_COUNT_OF = {
    Cost.CONFIG_ERROR: "config_errors",
    Cost.UNCONFIGURED: "unconfigured",
    Cost.INACCURATE: f"inaccurate{_BY_CASE}",
    Cost.MISSING: f"missing_material{_BY_CASE}",
}
_PLACES = ("inaccurate", "missing_material", "quality", "total")
_READINGS = {"item": {name: name for name in _PLACES}, "case": {name: f"{name}_by_case" for name in _PLACES}}
_ORDER = (
    *("scope", "name", "config_errors", "unconfigured", "unarchived", "closed", "completeness", "inaccurate", "missing_material"),
    *("quality", "systems", "bonus", "total", "official_closed", "official_archived", "official", "divergence"),
)


def _row(found: Mapping[str, Any], name: str, place: Place) -> Row:
    """One row: the columns of the contract in the reading that is set, then both readings of what depends on it."""
    by_item, by_case = ({f"{each}_by_{of}": found[column] for each, column in columns.items()} for of, columns in _READINGS.items())
    row = {**found, "name": name, **(_literally(found) if place == "case" else {})}
    return {**{column: row[column] for column in _ORDER}, **by_item, **by_case}


def _literally(found: Mapping[str, Any]) -> Row:
    """The columns of the contract in the literal reading."""
    return {name: found[column] for name, column in _READINGS["case"].items()}


def _cases_as_of(by: By) -> str:
    return f"""
    SELECT {{year:UInt16}} AS year, ('{by}', scope) AS place, unarchived, archived + unarchived + awaiting AS closed,
        archived, official_closed, official_archived
    FROM ({as_of_sql(by)}
    )"""


def _year_start_ms(year: int) -> int:
    return day_start_ms(day_number(dt.date(year, 1, 1)))
