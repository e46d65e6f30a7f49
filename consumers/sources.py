"""When source systems were last heard of, and at which times: read off the cases and archives they sent, superseded ones included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from consumers.clickhouse import Client
from streams.contracts import ARCHIVE_RECEIVED, CASE_CLOSED

SLOT_MS = 600_000
"""Times are told by slots of ten minutes: a day of a busy source is 144 numbers."""

_CLOSINGS = """
SELECT toString(source_system) AS source, toUnixTimestamp64Milli(assumeNotNull(closed_at)) AS at
FROM case_state WHERE isNotNull(closed_at)"""
# An archive that names no system is of its case's, as in the score.
_ARCHIVES = """
SELECT if(archive.1 = '', toString(source_system), archive.1) AS source,
    arrayJoin(arrayMap(each -> toUnixTimestamp64Milli(assumeNotNull(each)),
        arrayFilter(each -> isNotNull(each), [archive.2, archive.3, archive.4]))) AS at
FROM case_state
ARRAY JOIN arrayZip(archives.source_system, archives.accepted_at, archives.refused_at, archives.last_refused_at) AS archive"""
_EVENTS = {CASE_CLOSED: _CLOSINGS, ARCHIVE_RECEIVED: _ARCHIVES}


@dataclass(frozen=True, slots=True)
class Heard:
    """What is known of a source on one topic.

    Parameters
    ----------
    last_ms
        Time of its last event.
    times_ms
        When it was heard of, rising, to a slot of :data:`SLOT_MS`.
    """

    last_ms: int
    times_ms: Sequence[int]


def heard_from(client: Client, *, since_ms: int, now_ms: int) -> Mapping[tuple[str, str], Heard]:
    """By (source, topic), from events timed between the two moments: one dated ahead of the clock says nothing about life."""
    found = {}
    for topic, events in _EVENTS.items():
        sql = f"""
SELECT source, max(at), arraySort(groupUniqArray(intDiv(at, {SLOT_MS})))
FROM ({events})
WHERE source != '' AND at > {{since:Int64}} AND at <= {{now:Int64}}
GROUP BY source"""  # noqa: S608 - constants; values are bound
        for source, last_ms, slots in client.query(sql, parameters={"since": since_ms, "now": now_ms}).result_rows:
            found[source, topic] = Heard(last_ms, [slot * SLOT_MS for slot in slots])
    return found
