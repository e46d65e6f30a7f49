"""The formulas of the score (考核细则): one text of SQL, for every unit and district.

With live counts it is the view ``score`` in ClickHouse (``migrations/0007_score.sql``, of which a test holds that it is this text), of the
findings open now and not waived; as of a moment the formulas are asked directly, with what counted then (:mod:`consumers.score_as_of`).
"""
# ruff: noqa: S608 - nothing but constants and our own texts is put into SQL; values are bound

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

from streams.domain.districts import UNKNOWN_DISTRICT
from streams.domain.expected import FIRST_PLAN_YEAR, LAST_PLAN_YEAR
from streams.domain.rules import Cost, kinds_of

By = Literal["unit", "district"]
BYS: tuple[By, ...] = get_args(By)
COUNTS = (
    *("config_errors", "unconfigured", "unarchived", "closed", "inaccurate", "missing_material", "systems"),
    *("inaccurate_by_case", "missing_material_by_case", "archived", "official_closed", "official_archived"),
)
_SUM_OF = {"unarchived": "greatest(toInt64(0), sum(part.unarchived))"}
"""Waived findings are taken from what buckets count. The sink writes one after the other: in between, none may be left to be taken from."""
_SCOPES = "arrayJoin([('unit', toString(unit_code)), ('district', toString(district_code))]) AS place"
_ALL_YEARS = f"range(toUInt16({FIRST_PLAN_YEAR}), toUInt16({LAST_PLAN_YEAR + 1}))"
"""Years for which a unit without a single case has a row all the same, for its configuration."""
_COUNTED = ("archived", "unarchived", "awaiting", "orphan", "official_closed", "official_archived")
_OF_ITEMS = ("config_errors", "unconfigured")
_OF_FINDINGS = ("unarchived", "inaccurate", "missing_material", "inaccurate_by_case", "missing_material_by_case")
OF_CASES = ("unarchived", "closed", "archived", "official_closed", "official_archived")
_OFFICIAL = ", ".join(f"sum(b.{name}) AS {name}" for name in ("archived", "official_closed", "official_archived"))


def anything(of: str = "") -> str:
    """Whether counts of the year give a scope its row. A case that falls due in the year is counted in that of its closing, and gives none.

    Parameters
    ----------
    of
        Stands before each count.
    """
    return " + ".join([*(f"{of}{name}" for name in _COUNTED), "arraySum(mapValues(excluded))"]) + " > 0"


_CASES = f"""
    SELECT toUInt16(toYear(bucket_start)) AS year, {_SCOPES}, sum(b.unarchived) AS unarchived,
        sum(b.archived + b.unarchived + b.awaiting) AS closed, {_OFFICIAL}
    FROM coverage_partial AS b FINAL
    WHERE granularity = 'YEAR' AND {anything("b.")}
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
HOMES = f"""
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
HOMES_AS_OF = f"""
SELECT unit, argMin(district, (-cases, district)) AS home
FROM (
    SELECT toString(unit_code) AS unit, toString(district_code) AS district, toInt64(count()) AS cases
    FROM case_state FINAL
    WHERE status NOT IN ('NOT_CLOSED', 'ORPHAN', 'EXCLUDED') AND district_code != '{UNKNOWN_DISTRICT}'
      AND closed_at >= fromUnixTimestamp64Milli({{start:Int64}}) AND closed_at < fromUnixTimestamp64Milli({{end:Int64}})
    GROUP BY unit, district
)
GROUP BY unit"""
"""The same as of a moment. Bound: ``start`` and ``end`` of the year as far as it had come, in milliseconds."""
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
    LEFT JOIN ({HOMES}
    ) AS homes ON homes.year = items.year AND homes.unit = items.unit
    GROUP BY items.year, place"""
ACCEPTED, CLOSED = "isNotNull(at)", "isNotNull(closed_at)"
_FAULTY_NOW = f"""hasAny(open_anomalies, [{_QUALITY}])
              AND case_no IN (SELECT subject FROM anomaly FINAL WHERE state = 'OPENED' AND NOT waived AND kind IN ({_QUALITY}))"""


def score_sql() -> str:
    """Rows of every year, by unit and by district, of what is known now."""
    parts = {_CASES: OF_CASES, _ITEMS: _OF_ITEMS, _FINDINGS: _OF_FINDINGS, _SYSTEMS: ("systems",)}
    return formulas_sql(
        "\n    UNION ALL".join(f"\n    SELECT year, place, {_columns(given)} FROM ({part}\n    )" for part, given in parts.items())
    )


def formulas_sql(parts: str) -> str:
    """What counts come to.

    Parameters
    ----------
    parts
        A query that gives ``year``, ``place`` (by, scope) and all of :data:`COUNTS`, in as many rows of a scope as it likes.
    """
    return f"""
SELECT
    year, place.1 AS by, place.2 AS scope,
    {", ".join(f"{_SUM_OF.get(name, f'sum(part.{name})')} AS {name}" for name in COUNTS)},
    greatest(0., 60. - 2 * config_errors - 10 * unconfigured - if(closed = 0, 0., 50 * unarchived / closed)) AS completeness,
    greatest(0., 30. - 2 * inaccurate - 2 * missing_material) AS quality,
    least(10., 5. * systems) AS bonus,
    completeness + quality + bonus AS total,
    greatest(0., 30. - 2 * inaccurate_by_case - 2 * missing_material_by_case) AS quality_by_case,
    completeness + quality_by_case + bonus AS total_by_case,
    if(official_closed = 0, NULL, official_archived / official_closed) AS official,
    official - if(closed = 0, NULL, archived / closed) AS divergence
FROM
({parts}
) AS part
GROUP BY year, place"""


def systems_sql(accepted: str = ACCEPTED, closed: str = CLOSED) -> str:
    """Systems that earn a bonus if nothing is at fault: ``year``, ``unit_code``, ``district_code`` and ``system``.

    Parameters
    ----------
    accepted
        A condition on the time ``at`` of an acceptance, which may be NULL.
    closed
        One on ``closed_at``, which may be NULL: of the cases by whose archives a system earns.
    """
    return f"""
        SELECT DISTINCT toUInt16(toYear(assumeNotNull(archive.1))) AS year, unit_code, district_code,
            if(archive.2 = '', toString(source_system), archive.2) AS system
        FROM case_state FINAL
        ARRAY JOIN arrayFilter((one, at) -> {accepted},
            arrayZip(archives.accepted_at, archives.source_system), archives.accepted_at) AS archive
        WHERE build_mode = 'SELF_BUILT' AND archiving_mode = 'ONLINE' AND {closed} AND status != 'EXCLUDED'
          AND system != ''"""


def faulty_sql(which: str, accepted: str = ACCEPTED) -> str:
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


_SYSTEMS = f"""
    SELECT year, {_SCOPES}, uniqExact(unit_code, system) AS systems
    FROM ({systems_sql()}
    )
    WHERE (year, toString(unit_code), system) NOT IN ({faulty_sql(_FAULTY_NOW)}
    )
    GROUP BY year, place"""


def _columns(given: Iterable[str]) -> str:
    return ", ".join(f"toInt64({name if name in given else 0}) AS {name}" for name in COUNTS)
