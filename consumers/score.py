"""The score (考核细则) of every unit and district, for a year.

One text of SQL holds the formulas. With live counts it is the view ``score`` in ClickHouse (``migrations/0007_score.sql``, of which a test
holds that it is this text); with counts as of a moment it is asked directly. Findings are those open now and not waived.
"""
# ruff: noqa: S608 - nothing but constants and our own texts is put into SQL; values are bound

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from consumers.anomalies import anomaly_rows
from consumers.clickhouse import Client
from consumers.coverage import names_of
from consumers.coverage_sql import as_of_sql
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
_OPEN = "state = 'OPENED' AND NOT waived"
_ALL_YEARS = "range(toUInt16(2010), toUInt16(2041))"
"""Years for which a unit without a single case has a row all the same, for its configuration."""
_COUNTED = ("archived", "unarchived", "awaiting", "orphan", "official_closed", "official_archived")
_ANYTHING = " + ".join([*(f"b.{name}" for name in _COUNTED), "arraySum(mapValues(excluded))"])
_OF_CASES = ("unarchived", "closed", "archived", "official_closed", "official_archived")
_OFFICIAL = ", ".join(f"sum(b.{name}) AS {name}" for name in ("archived", "official_closed", "official_archived"))
_CASES = f"""
    SELECT toUInt16(toYear(bucket_start)) AS year, {_SCOPES}, sum(b.unarchived) AS unarchived,
        sum(b.archived + b.unarchived + b.awaiting) AS closed, {_OFFICIAL}
    FROM coverage_partial AS b FINAL
    WHERE granularity = 'YEAR' AND {_ANYTHING} > 0
    GROUP BY year, place"""


def score_sql(cases: str = _CASES) -> str:
    """Rows of every year, by unit and by district.

    Parameters
    ----------
    cases
        A query that gives ``year``, ``place`` (by, scope) and :data:`_OF_CASES` of every scope with anything at all.
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
({_parts(cases)}
) AS part
GROUP BY year, place"""


def _parts(cases: str) -> str:
    errors, unconfigured, inaccurate, missing = map(_list, (Cost.CONFIG_ERROR, Cost.UNCONFIGURED, Cost.INACCURATE, Cost.MISSING))
    config, quality = f"{errors}, {unconfigured}", f"{inaccurate}, {missing}"
    of_findings = f"""
    SELECT
        arrayJoin(if(kind IN ({config}), {_ALL_YEARS}, [toUInt16(toYear(assumeNotNull(closed_at)))])) AS year, {_SCOPES},
        -countIf(waived) AS unarchived,
        countIf(kind IN ({errors})) AS config_errors,
        countIf(kind IN ({unconfigured})) AS unconfigured,
        uniqExactIf((unit_code, item_code, kind), kind IN ({inaccurate})) AS inaccurate,
        uniqExactIf((unit_code, item_code, kind), kind IN ({missing})) AS missing_material,
        countIf(kind IN ({inaccurate})) AS inaccurate_by_case,
        countIf(kind IN ({missing})) AS missing_material_by_case
    FROM anomaly FINAL
    WHERE state = 'OPENED' AND (kind IN ({config}) OR isNotNull(closed_at))
      AND if(waived, kind = 'UNARCHIVED', kind IN ({config}, {quality}))
    GROUP BY year, place"""
    of_registry = f"SELECT DISTINCT arrayJoin({_ALL_YEARS}) AS year, {_SCOPES} FROM item FINAL WHERE registered"
    # A case is of the systems of its accepted archives; where one names none, or there is none, of its own.
    faulty = f"""
        SELECT DISTINCT toUInt16(toYear(assumeNotNull(closed_at))) AS year, toString(unit_code) AS unit,
            arrayJoin(if(empty(accepted_systems), [toString(source_system)], accepted_systems)) AS system
        FROM (
            SELECT closed_at, unit_code, source_system, arrayFilter((system, at) -> isNotNull(at),
                arrayMap(system -> if(system = '', toString(source_system), system), archives.source_system),
                archives.accepted_at) AS accepted_systems
            FROM case_state FINAL
            WHERE hasAny(open_anomalies, [{quality}]) AND isNotNull(closed_at)
              AND case_no IN (SELECT subject FROM anomaly FINAL WHERE {_OPEN} AND kind IN ({quality}))
        )"""
    of_systems = f"""
    SELECT year, {_SCOPES}, uniqExact(system) AS systems
    FROM (
        SELECT DISTINCT toUInt16(toYear(assumeNotNull(archive.1))) AS year, unit_code, district_code,
            if(archive.2 = '', toString(source_system), archive.2) AS system
        FROM case_state FINAL
        ARRAY JOIN arrayZip(archives.accepted_at, archives.source_system) AS archive
        WHERE build_mode = 'SELF_BUILT' AND archiving_mode = 'ONLINE' AND isNotNull(closed_at) AND status != 'EXCLUDED'
          AND isNotNull(archive.1) AND system != ''
    )
    WHERE (year, toString(unit_code), system) NOT IN ({faulty}
    )
    GROUP BY year, place"""
    parts = {
        cases: _OF_CASES,
        of_findings: (
            *("unarchived", "config_errors", "unconfigured"),
            *("inaccurate", "missing_material", "inaccurate_by_case", "missing_material_by_case"),
        ),
        of_registry: (),
        of_systems: ("systems",),
    }
    return "\n    UNION ALL".join(f"\n    SELECT year, place, {_columns(given)} FROM ({part}\n    )" for part, given in parts.items())


def _columns(given: Iterable[str]) -> str:
    return ", ".join(f"toInt64({name if name in given else 0}) AS {name}" for name in _COUNTS)


def _list(cost: Cost) -> str:
    return ", ".join(f"'{kind}'" for kind in kinds_of(cost))


def score_rows(client: Client, *, year: int, by: By, place: Place = "item", as_of_ms: int | None = None, grace_ms: int = 0) -> list[Row]:
    """Rows of ``guidang score``, ordered by code.

    Parameters
    ----------
    place
        ``policy.score.place``: what 处 means in the columns without ``_by_case``.
    as_of_ms
        Closings and archives timed after it are ignored; findings are today's. ``None``: what the workers hold now.
    grace_ms
        ``policy.orphan_grace``, for ``as_of_ms``.
    """
    bound: dict[str, Any] = {"year": year, "by": by}
    if as_of_ms is None:
        source = "score"
    else:
        bound |= {"now": as_of_ms, "grace": grace_ms, "start": _year_start_ms(year), "end": min(_year_start_ms(year + 1), as_of_ms + 1)}
        source = f"({score_sql(_cases_as_of(by))})"
    sql = f"SELECT * FROM {source} WHERE year = {{year:UInt16}} AND by = {{by:String}} ORDER BY scope"
    names = names_of(client, by)
    return [_row(found, names.get(found["scope"], ""), place) for found in client.query(sql, parameters=bound).named_results()]


def points(client: Client, *, year: int, place: Place = "item") -> dict[tuple[By, str], Row]:
    """What every unit and district scores: :data:`PARTS` of :func:`score_rows`, in one question."""
    read = _READINGS[place]
    columns = ", ".join(read.get(part, part) for part in PARTS)
    sql = f"SELECT by, scope, {columns} FROM score WHERE year = {{year:UInt16}}"
    found = client.query(sql, parameters={"year": year}).result_rows
    return {(by, scope): dict(zip(PARTS, parts, strict=True)) for by, scope, *parts in found}


def evidence_rows(client: Client, *, year: int, by: By) -> dict[str, list[Row]]:
    """What every deduction rests on, by scope: finding, subject, item, detail and clause; waived ones too, marked as such."""
    scope = "unit_code" if by == "unit" else "district_code"
    found: dict[str, list[Row]] = {}
    for row in anomaly_rows(client, state="open"):
        kind = KINDS[row["kind"]]
        if (kind.cost or row["kind"] == "UNARCHIVED") and (row["closed_at"] is None or row["closed_at"].startswith(str(year))):
            fields = ("kind", "subject", "item_code", "item_name", "detail", "since", "waived", "waived_by", "waived_reason")
            found.setdefault(row[scope], []).append({**{name: row[name] for name in fields}, "clause": kind.clause})
    return found


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
