"""The two queries of :mod:`consumers.coverage`, and those for names. Dashboards ask with pieces of them.

Scopes are taken from the places of buckets, cases and archives. Names of columns are put in from the constants here; values are bound.
"""
# ruff: noqa: S608 - nothing but constants of this module is put into a text

from __future__ import annotations

from collections.abc import Sequence

from streams.domain.coverage import COUNTS, DUE_COUNTS
from streams.domain.districts import CITY, DISTRICT_NAMES, UNKNOWN_DISTRICT

_SCOPE = {
    "city": f"'{CITY}'",
    "district": "district_code",
    "unit": "unit_code",
    "type": "item_type",
    "main-item": "main_item_code",
    "item": "item_code",
}
OF_YEARS = frozenset({"city", "district", "unit"})
"""Scopes that a bucket of years tells."""
_START, _LAST = "fromUnixTimestamp64Milli({start:Int64})", "fromUnixTimestamp64Milli({end:Int64} - 1)"
_BY_PARTITION = "SETTINGS do_not_merge_across_partitions_select_final = 1"
_ANYTHING = " + ".join(COUNTS) + " + arraySum(mapValues(excluded)) > 0"
_SUMS = ", ".join([*(f"sum({name}) AS {name}" for name in COUNTS), "sumMap(excluded) AS excluded"])
_HOURS = "SELECT * FROM coverage_partial FINAL WHERE granularity = 'HOUR'"
_NONE = "CAST(map(), 'Map(String, Int64)')"


NOW = "fromUnixTimestamp64Milli({now:Int64}, 'Asia/Shanghai')"
RATIOS = """archived + unarchived + awaiting AS closed,
    archived / nullIf(closed, 0) AS coverage, due_archived / nullIf(due, 0) AS coverage_due,
    official_archived / nullIf(official_closed, 0) AS official, official - coverage AS divergence"""
"""What :func:`consumers.coverage.coverage_row` makes of counts, for those who ask ClickHouse itself: NULL without a denominator."""


def live_sql(*by: str) -> str:
    """Sums over buckets. Bound: ``start``, ``end`` (milliseconds, the end excluded).

    A scope is its kind, one of ``by``, and its code; where one kind is asked for, the code alone, which takes half the time.
    """
    return f"{buckets_sql(_scope(by), _START, _LAST)}\n{_BY_PARTITION}"


def live_years_sql(*by: str) -> str:
    """The same of a window that begins with a year: sums of its years, less the hours that are left of the last.

    Of these there are few when the window ends now, or with the year, so that hardly anything is read.
    For those of ``by`` alone that a bucket of years has: :data:`OF_YEARS`. Bound: ``until`` besides, the end of the last year.
    """
    until = "fromUnixTimestamp64Milli({until:Int64})"
    return f"""
SELECT {_scope(by)} AS scope, {_sums_then("share * ")}
FROM (
    SELECT *, 1 AS share FROM coverage_partial FINAL
    WHERE granularity = 'YEAR' AND due_start >= {_START} AND bucket_start <= {_LAST}
    UNION ALL
    SELECT *, -1 AS share FROM ({_HOURS} AND due_start > {_LAST} AND bucket_start < {until})
)
ARRAY JOIN [bucket_start, due_start] AS at, [true, false] AS of_closing
WHERE if(share > 0, at >= {_START} AND at <= {_LAST}, at > {_LAST} AND at < {until})
GROUP BY scope
HAVING {_ANYTHING}
{_BY_PARTITION}"""


def _scope(by: Sequence[str]) -> str:
    scopes = ", ".join(f"('{each}', toString({_SCOPE[each]}))" for each in by)
    return f"arrayJoin([{scopes}])" if len(by) > 1 else f"toString({_SCOPE[by[0]]})"


def _sums_then(share: str = "") -> str:
    """Sums of counts, each of the time it lies at; ``share`` stands before a number, and says how often it is taken."""
    excluded = f"mapApply((reason, cases) -> (reason, {share}cases), excluded)" if share else "excluded"
    counts = (f"sumIf({share}{name}, {'NOT ' if name in DUE_COUNTS else ''}of_closing) AS {name}" for name in COUNTS)
    return ", ".join([*counts, f"sumMapIf({excluded}, of_closing) AS excluded"])


def buckets_sql(scope: str, first: str, last: str, which: str = "1") -> str:
    """Sums over buckets by the expression ``scope``; rows of nothing but zeros are left out.

    Parameters
    ----------
    scope
        Over a bucket's place, or ``at``: the hour of each count, of the closing or of the due date.
    first, last
        Expressions of the moments from which and through which hours may begin.
    which
        A further condition on buckets.
    """
    return f"""
SELECT {scope} AS scope, {_sums_then()}
FROM ({_HOURS} AND due_start >= {first} AND bucket_start <= {last} AND {which})
ARRAY JOIN [bucket_start, due_start] AS at, [true, false] AS of_closing
WHERE at >= {first} AND at <= {last}
GROUP BY scope
HAVING {_ANYTHING}"""


def as_of_sql(*by: str) -> str:
    """Every case judged at ``now``; a scope is its kind and its code. Bound: ``start``, ``end``, :attr:`consumers.coverage.Judged.bound`.

    Four questions are put to each case, each with a time of its own that must lie in the window: what became of it (closing), is it
    archived now that it fell due (due date), is its archive without a case (first acceptance), which archive numbers were accepted.

    Absence is established where it is today. Where what came later ended it, and ahead of the clock, everything is taken to be read through
    ``now``, and it is established unless the source says to be less far.
    """
    became = _question(
        "closed_ms",
        "is_closed",
        archived="counted AND received_ms > 0",
        archived_late="counted AND received_ms > due_ms",
        unarchived="counted AND received_ms = 0 AND is_unarchived",
        awaiting="counted AND received_ms = 0 AND NOT is_unarchived",
        refused="counted AND received_ms = 0 AND is_refused",
        official_closed="NOT (status = 'EXCLUDED' AND reason = 'DELETED')",
        excluded=f"if(status = 'EXCLUDED', map(toString(reason), toInt64(1)), {_NONE})",
    )
    fell_due = _question(
        "due_ms",
        "is_closed AND counted AND due_passed_by_now",
        due="1",
        due_archived="received_ms > 0",
        due_awaiting="received_ms = 0 AND NOT is_unarchived",
    )
    orphaned = _question("received_ms", "is_orphan", codes="orphan_codes", orphan="1")
    accepted = _question(
        "archive.1", "archive.1 > 0", codes="archive.2", source="ARRAY JOIN accepted_archives AS archive", official_archived="1"
    )
    kinds = ", ".join(f"'{each}'" for each in by)
    districts_then = f"({_DISTRICTS_THEN}) AS districts_then, " if "district" in by else ""
    return f"""
WITH {districts_then}cases AS ({_cases(by)})
SELECT arrayJoin(arrayZip([{kinds}], codes)) AS scope, {_SUMS}
FROM ({became} UNION ALL {fell_due} UNION ALL {orphaned} UNION ALL {accepted})
GROUP BY scope
HAVING {_ANYTHING}
{_BY_PARTITION}"""


def _cases(by: Sequence[str]) -> str:
    """What is known of each case at ``now``; times are milliseconds, 0 where there is none (no event is older than 1992)."""
    own = ", ".join(f"toString({_SCOPE[each]})" for each in by)
    of_archive = ", ".join(f"toString({_of_archive(each)})" for each in by)
    closing_source = "if(never_closed, toString(source_system), archives.source_system[first_archive])"
    return f"""
    SELECT
        status, reason,
        [{own}] AS codes,
        if(isNull(closed_at), 0, toUnixTimestamp64Milli(assumeNotNull(closed_at))) AS closed_ms,
        if(isNull(due_at), 0, toUnixTimestamp64Milli(assumeNotNull(due_at))) AS due_ms,
        arrayMap(at -> if(isNull(at), 0, toUnixTimestamp64Milli(assumeNotNull(at))), archives.accepted_at) AS all_accepted_ms,
        arrayMap(at -> if(at <= {{now:Int64}}, at, 0), all_accepted_ms) AS accepted_ms,
        arrayMap(n -> [{of_archive}], arrayEnumerate(archives.archive_no)) AS archive_codes,
        arrayZip(accepted_ms, archive_codes) AS accepted_archives,
        arrayMin(arrayPushBack(arrayFilter(at -> at > 0, accepted_ms), toInt64(9e15))) AS earliest_ms,
        if(earliest_ms < toInt64(9e15), earliest_ms, 0) AS received_ms,
        indexOf(accepted_ms, received_ms) AS first_archive,
        arrayExists(at -> ifNull(toUnixTimestamp64Milli(at) <= {{now:Int64}}, 0), archives.refused_at) AS is_refused,
        status IN ('NOT_CLOSED', 'ORPHAN') AS never_closed,
        NOT never_closed AND closed_ms <= {{now:Int64}} AS is_closed,
        NOT never_closed AND closed_ms > {{now:Int64}} AS closed_later,
        NOT never_closed AND status != 'EXCLUDED' AS counted,
        due_ms <= {{now:Int64}} AND (status = 'UNARCHIVED'
            OR (status != 'AWAITING' OR {{ahead:UInt8}}) AND {_complete("archive", "toString(source_system)", "due_ms")}) AS is_unarchived,
        due_ms <= {{now:Int64}} AND (status != 'AWAITING' OR due_passed OR {{ahead:UInt8}}) AS due_passed_by_now,
        received_ms > 0 AND received_ms + {{grace:Int64}} <= {{now:Int64}} AND (status = 'ORPHAN'
            OR (closed_later OR status = 'NOT_CLOSED' AND {{ahead:UInt8}})
                AND {_complete("closing", closing_source, "received_ms + {grace:Int64}")}) AS is_orphan,
        if(never_closed, codes, archive_codes[first_archive]) AS orphan_codes
    FROM case_state FINAL"""


def _of_archive(scope: str) -> str:
    """Code of a scope of the ``n``-th archive; its district, which goes by the closing day, is another while no closing is known."""
    if scope == "city":
        return _SCOPE[scope]
    stored = f"archives.{_SCOPE[scope]}[n]"
    if scope != "district":
        return stored
    place = _unit_and_day("archives.unit_code[n]", _day("archives.accepted_at[n]"))
    return f"if(closed_later, transform({place}, districts_then.1, districts_then.2, '{UNKNOWN_DISTRICT}'), {stored})"


def _complete(topic: str, source: str, until_ms: str) -> str:
    """Whether a source says to have sent all through a time, or sends no heartbeats."""
    return f"transform({source}, {{{topic}_sources:Array(String)}}, {{{topic}s_through:Array(Int64)}}, toInt64(9e15)) >= {until_ms}"


def _question(time_ms: str, asked: str, *, codes: str = "codes", source: str = "", **counts: str) -> str:
    """Counts of the cases of which ``asked`` holds and whose time lies in the window."""
    excluded = counts.pop("excluded", _NONE)
    columns = [f"toInt64({counts.get(name, '0')}) AS {name}" for name in COUNTS]
    return (
        f"SELECT {codes} AS codes, {', '.join(columns)}, {excluded} AS excluded FROM cases {source}"
        f" WHERE {asked} AND {time_ms} >= {{start:Int64}} AND {time_ms} < {{end:Int64}}"
    )


def names_sql(kind: str, at: str) -> str:
    """A ``name`` for each ``code``: of ``unit``, ``district`` or ``item``, main items among them.

    A unit is called as its registry has it, else as the case says that closed last; a district as the registry of units has it, else as
    is fixed; an item as the case says that closed last, else as the registry of items has it. Of cases that closed at once, and of units
    that call one item differently, the greater name counts: never the later record, or the name would change to and fro.

    Parameters
    ----------
    at
        An expression of the moment (``DateTime64`` of Asia/Shanghai) on whose day registries are asked.
    """
    units = units_sql(at)
    named = f"SELECT district_code AS code, argMax(district_name, identity) AS name FROM ({units}) WHERE district_name != '' GROUP BY code"
    fixed = f"SELECT fixed.1 AS code, fixed.2 AS name FROM (SELECT arrayJoin([{_FIXED}]) AS fixed)"
    registered = [f"SELECT {of}_code AS code, max({of}_name) AS name FROM item FINAL GROUP BY code" for of in ("item", "main_item")]
    sources = {
        "unit": [f"SELECT unit AS code, unit_name AS name FROM ({units})", _told("unit")],
        "district": [named, fixed],
        "item": [_told("item"), *registered],
    }[kind]
    asked = " UNION ALL ".join(
        f"SELECT toString(code) AS code, toString(name) AS name, {-rank} AS rank FROM ({source}) WHERE name != ''"
        for rank, source in enumerate(sources)
    )
    return f"SELECT code, argMax(name, rank) AS name FROM ({asked}) GROUP BY code"


def units_sql(at: str) -> str:
    """The row of each unit that counts on the day of ``at`` (:class:`streams.domain.reference.Rows`), with what ranks it.

    Of an event with several contents the greatest is there alone, be it valid on the day or not.
    """
    day = f"toInt32(toDate32({at}))"
    return f"""
SELECT unit, identity, counted.2 AS unit_name, counted.3 AS district_code, counted.4 AS district_name
FROM (
    SELECT toString(unit_code) AS unit, max((revision, event_id, content)) AS identity,
        argMax((deleted, unit_name, toString(district_code), district_name), (revision, event_id, content)) AS counted
    FROM {_UNIT_ROWS}
    WHERE {_counts_on(day)}
    GROUP BY unit
)
WHERE NOT counted.1"""


def _counts_on(day: str) -> str:
    """Whether the validity of a row of ``unit`` covers a day."""
    return f"ifNull(valid_from <= {day}, true) AND ifNull(valid_to >= {day}, true)"


def _day(at: str) -> str:
    """Number of the day in which a time (``DateTime64`` of Asia/Shanghai, not NULL) lies."""
    return f"toInt32(toDate32(assumeNotNull({at})))"


def _unit_and_day(unit: str, day: str) -> str:
    return f"concat(toString({unit}), '|', toString({day}))"


_UNIT_ROWS = "(SELECT * FROM unit ORDER BY content DESC LIMIT 1 BY unit_code, revision, event_id)"
"""Of several contents of one row the one that workers take, the greatest: before it is asked which rows count on a day."""
_DISTRICTS_THEN = f"""
        SELECT (groupArray(place), groupArray(district))
        FROM (
            SELECT {_unit_and_day("unit", "day")} AS place,
                argMax(if(deleted, '', district_code), (revision, event_id, content)) AS district
            FROM (
                SELECT DISTINCT toString(archive.1) AS unit, {_day("archive.2")} AS day
                FROM case_state FINAL
                ARRAY JOIN arrayZip(archives.unit_code, archives.accepted_at) AS archive
                WHERE closed_at > {NOW} AND archive.2 <= {NOW}
            ) AS accepted
            INNER JOIN (
                SELECT toString(unit_code) AS unit, toString(district_code) AS district_code,
                    revision, event_id, content, deleted, valid_from, valid_to
                FROM {_UNIT_ROWS}
            ) AS registered USING (unit)
            WHERE {_counts_on("day")}
            GROUP BY place
            HAVING district != ''
        )"""
"""The districts, on the receiving day, of the units whose archives came by ``now`` and their closings after it.

Two arrays: units with days, and codes; who has no row is not among them.
"""
_FIXED = ", ".join(f"('{code}', '{name}')" for code, name in DISTRICT_NAMES.items())


def _told(kind: str) -> str:
    """What the case that closed last calls each unit or item."""
    return f"""
SELECT code, argMax(name, (last, name)) AS name
FROM (
    SELECT {kind}_code AS code, {kind}_name AS name, max(closed_at) AS last FROM case_state FINAL
    WHERE {kind}_name != '' AND isNotNull(closed_at) GROUP BY code, name
)
GROUP BY code"""
