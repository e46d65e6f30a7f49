"""Open findings as they would stand at a moment in the past (``--as-of``).

Closings and archives timed after it are ignored; corrections, reference rows and policy are today's. Most cases have had no later event, so
that what is open now was open then, but for what time alone brought since. The others are judged again, by their facts of then; and so are
all items, as rows have their validity.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from functools import partial
from typing import Any

from consumers.anomalies import anomaly_rows
from consumers.clickhouse import Client
from consumers.score_as_of import AsOf
from ops.caught_up import Observer
from ops.moment import judged
from ops.reading import TopicReader
from ops.recompute import Tell, read_reference
from streams.app import build_assessor, check_key
from streams.contracts import ANOMALY_MISCONFIGURED, CASE_STATE, codec
from streams.domain.assess import Assessor
from streams.domain.configuration import Auditor, ItemState
from streams.domain.facts import CaseFacts
from streams.domain.finding import recorded_waiver
from streams.domain.reference import Reference, item_key
from streams.domain.rules import KINDS
from streams.domain.time import day_of, iso, iso_day
from streams.domain.verdict import Moment
from streams.settings import Settings

Row = dict[str, Any]

_TIMES = ("closed_at", "due_at", "received_at")
_PLACES = ("unit_code", "unit_name", "district_code", "item_code", "item_name", "item_type")
_WITH_LATER = """
SELECT case_no FROM (
    SELECT case_no, status, toUnixTimestamp64Milli(wake_at) AS wake_ms, toUnixTimestamp64Milli(closed_at) AS closed_ms,
        arrayMap(at -> toUnixTimestamp64Milli(assumeNotNull(at)), arrayFilter(at -> isNotNull(at), archives.accepted_at)) AS accepted,
        arrayMap(at -> toUnixTimestamp64Milli(assumeNotNull(at)), arrayFilter(at -> isNotNull(at), archives.last_refused_at)) AS refused
    FROM case_state FINAL
)
WHERE (ifNull(closed_ms <= {now:Int64}, 0) OR arrayExists(at -> at <= {now:Int64}, accepted))
    AND (ifNull(closed_ms > {now:Int64}, 0) OR arrayExists(at -> at > {now:Int64}, arrayConcat(accepted, refused))
        OR {ahead:UInt8} AND status IN ('AWAITING', 'NOT_CLOSED') AND ifNull(wake_ms <= {now:Int64}, 0))"""


def as_of_moment(settings: Settings, client: Client, now_ms: int, tell: Tell = lambda _topic, _done, _total: None) -> AsOf:
    """The moment, with its findings: rows as :func:`consumers.anomalies.anomaly_rows` gives them of today.

    Parameters
    ----------
    tell
        Called now and then with a topic that is read, and how many of its records have been and will have been.

    Raises
    ------
    DependencyError
        Kafka or ClickHouse cannot be reached.
    ForeignState
        The title key of these settings is not the workers'.
    """
    with closing(TopicReader(settings)) as topics:
        reference = read_reference(settings, topics.read)
        moment = judged(settings, now_ms, reference.feeds)
        later = cases_with_later_events(client, now_ms, ahead=moment.ahead)
        messages = topics.read(CASE_STATE, tell=partial(tell, CASE_STATE)) if later else ()
        states = {case_no: message.value() for message in messages if (case_no := message.key().decode()) in later}
    facts = {case_no: CaseFacts.load(codec(CASE_STATE).decode(value)["facts"]) for case_no, value in states.items()}
    assessor = build_assessor(settings, reference)
    check_key(settings, assessor, Observer(settings).progress().values())
    items = items_then(assessor, now_ms)
    return AsOf(moment, findings_then(anomaly_rows(client, state="open"), facts, items, assessor, now_ms), items)


def cases_with_later_events(client: Client, now_ms: int, *, ahead: bool = False) -> set[str]:
    """Numbers of the cases of which something is known at a moment, and more after it; where it lies ahead, of those due by then too."""
    return {case_no for (case_no,) in client.query(_WITH_LATER, parameters={"now": now_ms, "ahead": int(ahead)}).result_rows}


def items_then(assessor: Assessor, now_ms: int) -> list[ItemState]:
    """State of every item that a row of reference data names, by its key."""
    reference, auditor = assessor.reference, Auditor(assessor.reference, assessor.policy)
    places = [place for key in sorted(reference.subjects()) if (place := reference.place_of(key))]
    return [auditor.audit(*place, [], now_ms) for place in places]


def findings_then(
    today: Iterable[Row], later: Mapping[str, CaseFacts], items: Iterable[ItemState], assessor: Assessor, now_ms: int
) -> list[Row]:
    """Those rows, from what is open today, the facts of those cases that have had later events, and the items of then."""
    kept = (row for row in today if row["subject"] not in later and _stood(row, assessor, now_ms))
    rows = [
        *(_of_then(row, assessor.reference, now_ms) for row in kept),
        *(row for case_no, facts in later.items() for row in _of_case(case_no, facts, assessor, now_ms)),
        *(row for item in items for row in _of_item(item)),
    ]
    return sorted(rows, key=lambda row: (row["since"] is None, row["since"], row["anomaly_id"]))


def _stood(row: Row, assessor: Assessor, now_ms: int) -> bool:
    """Whether what is open today, and rests on no later event, was open then."""
    kind = row["kind"]
    if KINDS[kind].topic == ANOMALY_MISCONFIGURED:
        return bool(kind == "UNREGISTERED_ITEM")  # which cases have no row changes no figure: told as it is; the others are judged again
    came = row["closed_at"] or row["received_at"]
    due_ms = {"UNARCHIVED": _ms(row["due_at"]), "ORPHAN_ARCHIVE": _ms(row["received_at"]) + assessor.policy.orphan_grace_ms}
    return _ms(came) <= now_ms and due_ms.get(kind, 0) <= now_ms


def _of_then(row: Row, reference: Reference, now_ms: int) -> Row:
    return {**row, **_dated(recorded_waiver(row["anomaly_id"], reference.waivers, day_of(now_ms)))}


def _of_case(case_no: str, facts: CaseFacts, assessor: Assessor, now_ms: int) -> Iterator[Row]:
    then = facts.until(now_ms)
    if then.closing or then.archives:
        state = assessor.assess(case_no, then, Moment(now_ms, now_ms, now_ms))
        yield from (_row(finding, case_no, state) for finding in state["findings"])


def _of_item(state: ItemState) -> Iterator[Row]:
    key = item_key(state["unit_code"], state["item_code"])
    yield from (_row(finding, key, state) for finding in state["findings"])


def _row(finding: Mapping[str, Any], subject: str, state: Mapping[str, Any]) -> Row:
    return {
        **_dated(finding),
        "since": None if finding["since"] is None else iso(finding["since"]),
        "state": "OPENED",
        "subject": subject,
        "resolution": "",
        **{name: state.get(name, "") for name in _PLACES},
        "late_ms": None,
        "backfill": False,
        **{name: None if (at_ms := state.get(name)) is None else iso(at_ms) for name in _TIMES},
    }


def _dated(finding: Mapping[str, Any]) -> Row:
    days = ("waived_from", "waived_until")
    return {**finding, **{name: None if (day := finding[name]) is None else iso_day(day) for name in days}}


def _ms(text: str | None) -> int:
    if text is None:
        return 0
    return round(dt.datetime.fromisoformat(text).timestamp() * 1000)
