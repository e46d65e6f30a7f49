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
from typing import Any, Literal, get_args

from clickhouse_connect.driver.binding import format_query_value

from consumers.clickhouse import Client
from consumers.coverage import Judged, names_of
from streams.domain.districts import UNKNOWN_DISTRICT
from streams.domain.expected import FIRST_PLAN_YEAR, LAST_PLAN_YEAR
from streams.domain.rules import KINDS, MISCONFIGURED_TOPIC, Cost, kinds_of
from streams.domain.time import day_number, day_start_ms

By = Literal["unit", "district"]
BYS: tuple[By, ...] = get_args(By)
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
_OF_ITEMS = ("config_errors", "unconfigured")
_OF_FINDINGS = ("unarchived", "inaccurate", "missing_material", "inaccurate_by_case", "missing_material_by_case")
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
        toUInt16(toYear(assumeNotNull(closed_at))) AS year, {_SCOPES},
        -countIf(waived) AS unarchived,
        uniqExactIf((unit_code, item_code, kind), kind IN ({_list(Cost.INACCURATE)})) AS inaccurate,
        uniqExactIf((unit_code, item_code, kind), kind IN ({_list(Cost.MISSING)})) AS missing_material,
        countIf(kind IN ({_list(Cost.INACCURATE)})) AS inaccurate_by_case,
        countIf(kind IN ({_list(Cost.MISSING)})) AS missing_material_by_case
    FROM anomaly FINAL
    WHERE state = 'OPENED' AND isNotNull(closed_at) AND item_type != '' AND if(waived, kind = 'UNARCHIVED', kind IN ({_QUALITY}))
    GROUP BY year, place"""
_HOMES = f"""
        SELECT year, unit, argMin(district, (-cases, district)) AS home
        FROM (
            SELECT toUInt16(toYear(bucket_start)) AS year, toString(unit_code) AS unit, toString(district_code) AS district,
                sum(b.archived + b.unarchived + b.awaiting) AS cases
            FROM coverage_partial AS b FINAL
            WHERE granularity = 'YEAR' AND district_code != '{UNKNOWN_DISTRICT}'
            GROUP BY year, unit, district
            HAVING cases > 0
        )
        GROUP BY year, unit"""
"""The district that most of a unit's counted cases of a year name: its items' where the registry of units is silent about it."""
_ITEMS = f"""
    SELECT
        items.year AS year,
        arrayJoin([('unit', items.unit), ('district', if(district = '{UNKNOWN_DISTRICT}' AND home != '', home, district))]) AS place,
        sum(errors) AS config_errors, sum(missing) AS unconfigured
    FROM (
        SELECT arrayJoin({_ALL_YEARS}) AS year, unit, district, errors, missing
        FROM (
            SELECT toString(unit_code) AS unit, toString(district_code) AS district,
                countIf(kind IN ({_list(Cost.CONFIG_ERROR)})) AS errors, countIf(kind IN ({_list(Cost.UNCONFIGURED)})) AS missing
            FROM anomaly FINAL
            WHERE state = 'OPENED' AND kind IN ({_CONFIG}) AND NOT waived AND item_type != ''
            GROUP BY unit, district
            UNION ALL
            SELECT DISTINCT toString(unit_code) AS unit, toString(district_code) AS district, 0 AS errors, 0 AS missing
            FROM item FINAL WHERE registered
        )
    ) AS items
    LEFT JOIN ({_HOMES}
    ) AS homes ON homes.year = items.year AND homes.unit = items.unit
    GROUP BY items.year, place"""
_ACCEPTED = "isNotNull(at)"
_FAULTY_NOW = f"""hasAny(open_anomalies, [{_QUALITY}])
              AND case_no IN (SELECT subject FROM anomaly FINAL WHERE state = 'OPENED' AND NOT waived AND kind IN ({_QUALITY}))"""


def score_sql(cases: str = _CASES, items: str = _ITEMS, findings: str = _FINDINGS, faulty: str = "", accepted: str = _ACCEPTED) -> str:
    """Rows of every year, by unit and by district.

    Parameters
    ----------
    cases
        A query that gives ``year``, ``place`` (by, scope) and :data:`_OF_CASES` of every scope with anything at all.
    items
        One that gives ``year``, ``place`` and :data:`_OF_ITEMS` of every scope with a registered item.
    findings
        One that gives ``year``, ``place`` and :data:`_OF_FINDINGS`.
    faulty
        One that gives ``year``, ``unit`` and ``system`` of all that earn nothing; without it, by the findings open now.
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
({_parts(cases, items, findings, faulty or _faulty_sql(_FAULTY_NOW), accepted)}
) AS part
GROUP BY year, place"""


def _parts(cases: str, items: str, findings: str, faulty: str, accepted: str) -> str:
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
    parts = {cases: _OF_CASES, items: _OF_ITEMS, findings: _OF_FINDINGS, of_systems: ("systems",)}
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
    findings
        Open ones: rows of :func:`consumers.anomalies.anomaly_rows` as they would stand then.
    items
        All that rows of reference data name, as audited then (:mod:`streams.domain.configuration`).
    """

    moment: Judged
    findings: Sequence[Row]
    items: Sequence[Row]


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
    return scores(client, year=year, now_ms=now_ms, place=place, as_of=as_of)[by]


def scores(client: Client, *, year: int, now_ms: int, place: Place = "item", as_of: AsOf | None = None) -> dict[By, list[Row]]:
    """:func:`score_rows` of units and of districts, out of one question: whatever is inserted meanwhile, they add up."""
    bound: dict[str, Any] = {"year": year}
    source = "score"
    if as_of is not None:
        bound |= as_of.moment.bound | _span(year, as_of.moment.now_ms)
        source = f"({_as_of_sql(client, year, as_of)})"
    found: dict[By, list[Row]] = {by: [] for by in BYS}
    names = {by: names_of(client, by, now_ms) for by in BYS}
    for row in client.query(f"SELECT * FROM {source} WHERE year = {{year:UInt16}} ORDER BY scope", parameters=bound).named_results():
        found[row["by"]].append(_row(row, names[row["by"]].get(row["scope"], ""), place))
    return found


def homes(client: Client, *, year: int, as_of: AsOf | None = None) -> Mapping[str, str]:
    """Unit to the district that most of its counted cases of the year name, ties by code."""
    if as_of is None:
        sql, bound = f"SELECT unit, home FROM ({_HOMES}) WHERE year = {{year:UInt16}}", {"year": year}
    else:
        sql, bound = _HOMES_AS_OF, _span(year, as_of.moment.now_ms)
    return dict(client.query(sql, parameters=bound).result_rows)


def points(client: Client, *, year: int, place: Place = "item") -> dict[tuple[By, str], Row]:
    """What every unit and district scores: :data:`PARTS` of :func:`score_rows`, in one question."""
    read = _READINGS[place]
    columns = ", ".join(read.get(part, part) for part in PARTS)
    sql = f"SELECT by, scope, {columns} FROM score WHERE year = {{year:UInt16}}"
    found = client.query(sql, parameters={"year": year}).result_rows
    return {(by, scope): dict(zip(PARTS, parts, strict=True)) for by, scope, *parts in found}


def evidence_rows(findings: Iterable[Row], *, year: int, by: By, homes: Mapping[str, str]) -> dict[str, list[Row]]:
    """What every deduction rests on, by scope: finding, subject, item, detail and clause; waived ones too, marked as such.

    Parameters
    ----------
    findings
        Open ones (:func:`consumers.anomalies.anomaly_rows`).
    homes
        Of :func:`homes`.
    """
    found: dict[str, list[Row]] = {}
    for row in findings:
        kind = KINDS[row["kind"]]
        if (kind.cost or row["kind"] == "UNARCHIVED") and _is_of(row, year):
            fields = ("kind", "subject", "item_code", "item_name", "detail", "since", "waived", "waived_by", "waived_reason")
            found.setdefault(_scope(row, by, homes), []).append({**{name: row[name] for name in fields}, "clause": kind.clause})
    return found


def _is_of(row: Row, year: int) -> bool:
    """Whether an open finding may cost something in a year: of the eight types, and of a case that closed in it, or of configuration."""
    return bool(row["item_type"]) and (row["closed_at"] is None or row["closed_at"].startswith(str(year)))


def _scope(row: Row, by: By, homes: Mapping[str, str]) -> str:
    """Whose an item, or an open finding, is: where the registry of units is silent, an item is of the district of its unit's cases."""
    unit, district = str(row["unit_code"]), str(row["district_code"])
    if by == "unit":
        return unit
    of_item = "kind" not in row or KINDS[row["kind"]].topic == MISCONFIGURED_TOPIC
    return homes.get(unit, district) if of_item and district == UNKNOWN_DISTRICT else district


def _as_of_sql(client: Client, year: int, as_of: AsOf) -> str:
    accepted = f"{_ACCEPTED} AND at <= fromUnixTimestamp64Milli({as_of.moment.now_ms})"
    of_year = [row for row in as_of.findings if _is_of(row, year)]
    at_fault = _at_fault(client, [row for row in as_of.findings if row["item_type"]], accepted)
    faulty = _literal("year UInt16, unit String, system String", at_fault)
    unit_homes = homes(client, year=year, as_of=as_of)
    counts = _counts(of_year, [row for row in as_of.items if row["registered"]], unit_homes)
    cases = f"""
    SELECT {{year:UInt16}} AS year, scope AS place, unarchived, archived + unarchived + awaiting AS closed,
        archived, official_closed, official_archived
    FROM ({as_of.moment.sql(*BYS)}
    )"""
    return score_sql(cases, _counted(counts, year, _OF_ITEMS), _counted(counts, year, _OF_FINDINGS), faulty, accepted)


def _counts(findings: Iterable[Row], registered: Iterable[Row], homes: Mapping[str, str]) -> dict[tuple[By, str], Counter[str]]:
    """The counts of :data:`_ITEMS` and :data:`_FINDINGS`, of given findings and items; who has an item has counts, be they 0."""
    counts: defaultdict[tuple[By, str], Counter[str]] = defaultdict(Counter)
    for item in registered:
        for by in BYS:
            counts[by, _scope(item, by, homes)] += Counter()
    places: set[tuple[str, ...]] = set()
    for row in findings:
        kind, waived = row["kind"], row["waived"]
        for by in BYS:
            scope = _scope(row, by, homes)
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
        found.update(map(tuple, client.query(_faulty_sql(f"case_no IN ({chosen})", accepted)).result_rows))
    return sorted(found)


def _literal(types: str, rows: Iterable[tuple[Any, ...]]) -> str:
    """A query that gives rows of our own."""
    written = ", ".join(map(format_query_value, rows))
    return f"\n    SELECT * FROM values('{types}', {written})" if written else f"\n    SELECT * FROM null('{types}')"


_HOMES_AS_OF = f"""
SELECT unit, argMin(district, (-cases, district)) AS home
FROM (
    SELECT toString(unit_code) AS unit, toString(district_code) AS district, toInt64(count()) AS cases
    FROM case_state FINAL
    WHERE status NOT IN ('NOT_CLOSED', 'ORPHAN', 'EXCLUDED') AND district_code != '{UNKNOWN_DISTRICT}'
      AND closed_at >= fromUnixTimestamp64Milli({{start:Int64}}) AND closed_at < fromUnixTimestamp64Milli({{end:Int64}})
    GROUP BY unit, district
)
GROUP BY unit"""
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


def _span(year: int, now_ms: int) -> dict[str, int]:
    """Bounds of a year as far as it had come by a moment, in milliseconds, the end excluded."""
    start_ms, end_ms = (day_start_ms(day_number(dt.date(each, 1, 1))) for each in (year, year + 1))
    return {"start": start_ms, "end": min(end_ms, now_ms + 1)}
