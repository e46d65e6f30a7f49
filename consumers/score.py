"""The score (考核细则) of every unit and district, for a year: what is open now, or as of a moment."""
# ruff: noqa: S608 - nothing but constants and our own texts is put into SQL; values are bound

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from consumers.clickhouse import Client
from consumers.coverage import names_of
from consumers.score_as_of import AsOf, as_of_rows
from consumers.score_sql import BYS, HOMES, HOMES_AS_OF, By
from streams.domain.time import day_number, day_start_ms

Place = Literal["item", "case"]
PARTS = ("completeness", "quality", "bonus", "total")
Row = dict[str, Any]
_PLACES = ("inaccurate", "missing_material", "quality", "total")
_READINGS = {"item": {name: name for name in _PLACES}, "case": {name: f"{name}_by_case" for name in _PLACES}}
_ORDER = (
    *("scope", "name", "config_errors", "unconfigured", "unarchived", "closed", "completeness", "inaccurate", "missing_material"),
    *("quality", "systems", "bonus", "total", "official_closed", "official_archived", "official", "divergence"),
)


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
    """:func:`score_rows` of units and of districts, out of the same answers: whatever is inserted meanwhile, they add up."""
    rows: Iterable[Row]
    if as_of is None:
        rows = client.query("SELECT * FROM score WHERE year = {year:UInt16} ORDER BY scope", parameters={"year": year}).named_results()
    else:
        rows = as_of_rows(client, year, as_of, homes(client, year=year, as_of=as_of), _span(year, as_of.moment.now_ms))
    found: dict[By, list[Row]] = {by: [] for by in BYS}
    names = {by: names_of(client, by, now_ms) for by in BYS}
    for row in rows:
        found[row["by"]].append(_row(row, names[row["by"]].get(row["scope"], ""), place))
    return found


def homes(client: Client, *, year: int, as_of: AsOf | None = None) -> Mapping[str, str]:
    """Unit to the district that most of its counted cases of the year name, ties by code."""
    if as_of is None:
        sql, bound = f"SELECT unit, home FROM ({HOMES}) WHERE year = {{year:UInt16}}", {"year": year}
    else:
        sql, bound = HOMES_AS_OF, _span(year, as_of.moment.now_ms)
    return dict(client.query(sql, parameters=bound).result_rows)


def points(client: Client, *, year: int, place: Place = "item") -> dict[tuple[By, str], Row]:
    """What every unit and district scores: :data:`PARTS` of :func:`score_rows`, in one question."""
    read = _READINGS[place]
    columns = ", ".join(read.get(part, part) for part in PARTS)
    sql = f"SELECT by, scope, {columns} FROM score WHERE year = {{year:UInt16}}"
    found = client.query(sql, parameters={"year": year}).result_rows
    return {(by, scope): dict(zip(PARTS, parts, strict=True)) for by, scope, *parts in found}


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
