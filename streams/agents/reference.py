"""Takes in the reference topics and says what each record may change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from streams.agents.intake import check_size, check_time
from streams.agents.outcomes import Letter, letter_of
from streams.agents.terms import ITEMS, item_span, source_span, unit_spans, waiver_spans
from streams.clock import Clock
from streams.contracts import (
    ARCHIVING_SCHEDULE,
    CASE_INPUTS,
    FEED_HEARTBEAT,
    ITEM_REGISTRY,
    MODULE_CONFIG,
    UNIT_REGISTRY,
    WAIVER,
    codec,
)
from streams.domain.expected import FIRST_PLAN_YEAR, LAST_PLAN_YEAR
from streams.domain.items import parse_item
from streams.domain.reference import Reference, Rows, item_key, main_key
from streams.domain.time import EARLIEST_MS, FIRST_DAY, LAST_DAY
from streams.errors import InvalidRecord
from streams.headers import Headers, headers_of
from streams.runtime.revisit import Point, Touch

REJECTED = "rejected"
"""Kind of work: a reference record that could not be taken in goes to ``dead-letter``."""


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A record as it is on the wire."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class ReferenceKeeper:
    """Keeps :class:`Reference` up to date.

    Parameters
    ----------
    rejected
        Dead letters of records that could not be taken in, by the records' places. Every worker reads every reference topic from its
        beginning; the partition to which the place belongs writes the letter, once, in the transaction that says that it has been done.
    """

    def __init__(self, *, reference: Reference, topic_prefix: str, clock: Clock) -> None:
        self._reference, self._clock, self._prefix = reference, clock, topic_prefix
        takers = {
            UNIT_REGISTRY: self._unit,
            FEED_HEARTBEAT: self._heartbeat,
            ITEM_REGISTRY: self._item,
            ARCHIVING_SCHEDULE: lambda row: self._side(reference.schedules, row),
            MODULE_CONFIG: lambda row: self._side(reference.configs, row),
            WAIVER: self._waiver,
        }
        self._takers = {topic_prefix + name: (name, taker) for name, taker in takers.items()}
        self.rejected: dict[bytes, Letter] = {}

    @property
    def topics(self) -> tuple[str, ...]:
        """The reference topics on the broker."""
        return tuple(self._takers)

    def on_record(self, record: Any) -> list[Touch]:
        """Take in one record (a ``confluent_kafka.Message``); return what is to be evaluated again."""
        try:
            return self.take(record.topic(), record.value())
        except InvalidRecord as error:
            place = f"{record.topic()}/{record.partition()}@{record.offset()}".encode()
            raw = RawRecord(
                record.topic(),
                record.partition(),
                record.offset(),
                record.timestamp()[1],
                record.key(),
                record.value(),
                headers_of(record),
            )
            self.rejected[place] = letter_of(raw, error)
            return [Point(REJECTED, place)]

    def take(self, topic: str, value: bytes | None) -> list[Touch]:
        """Take in the value of a record of ``topic``, a name on the broker; return what is to be evaluated again.

        Raises
        ------
        InvalidRecord
            It cannot be taken in, and nothing was.
        """
        name, taker = self._takers[topic]
        return taker(reference_row(name, value, topic_prefix=self._prefix))

    def _unit(self, row: Mapping[str, Any]) -> list[Touch]:
        return [*unit_spans(row["unit_code"])] if self._reference.units.add(row) else []

    def _item(self, row: Mapping[str, Any]) -> list[Touch]:
        items, key = self._reference.items, _key(row)
        mains = [main_key(known) for known in items.of(key)]  # a row that loses its place had made one of them a main item
        if not items.add(row):
            return []
        return [_cases_of(row), *(Point(ITEMS, each.encode()) for each in dict.fromkeys((key, main_key(row), *mains)))]

    def _side(self, rows: Rows, row: Mapping[str, Any]) -> list[Touch]:
        key = _key(row)
        if not rows.add(key, row):
            return []
        cases = [_cases_of(row)] if rows is self._reference.schedules else []
        return [*cases, Point(ITEMS, key.encode())]

    def _waiver(self, row: Mapping[str, Any]) -> list[Touch]:
        return [*waiver_spans(row["anomaly_id"])] if self._reference.waivers.add(row) else []

    def _heartbeat(self, claim: Mapping[str, Any]) -> list[Touch]:
        source, topic = claim["source_system"], claim["topic"].removeprefix(self._prefix)
        new = self._reference.feeds.add(source, topic, claim["complete_through"], self._clock.now_ms())
        return [source_span(source)] if new else []


def reference_row(name: str, value: bytes | None, *, topic_prefix: str = "") -> dict[str, Any]:
    """The row in the value of a record of a reference topic, by its name without prefix: whoever reads one takes in the same.

    Parameters
    ----------
    topic_prefix
        A heartbeat may name its topic with it; no other row names one.

    Raises
    ------
    InvalidRecord
        It is not to be taken in.
    """
    row = _checked(codec(name).decode(value))
    check_size(row, len(value or b""))
    if name == FEED_HEARTBEAT:
        _check_claim(row, topic_prefix)
    return row


def _check_claim(claim: Mapping[str, Any], topic_prefix: str) -> None:
    if claim["topic"].removeprefix(topic_prefix) not in CASE_INPUTS:
        # What it names instead is a sender's text, which may be anything.
        told = f"心跳所指主题不存在 the heartbeat speaks of another topic than {', '.join(CASE_INPUTS)}"
        raise InvalidRecord("UNKNOWN_TOPIC", told)
    # However early: a source that has nothing yet says so with 0. One that is said too late could never be taken back.
    check_time("complete_through", max(claim["complete_through"], EARLIEST_MS))
    if not claim["source_system"]:  # which is what cases say that name none: it would speak for all of them
        raise InvalidRecord("EMPTY_SOURCE_SYSTEM", "source_system 为空，心跳须说是谁的 is empty: a heartbeat says whose it is")


def _checked(row: dict[str, Any]) -> dict[str, Any]:
    if not row["event_id"]:
        raise InvalidRecord("EMPTY_EVENT_ID", "event_id 为空 is empty")
    for name in ("valid_from", "valid_to", "until"):
        if (day := row.get(name)) is not None and not FIRST_DAY <= day <= LAST_DAY:
            told = f"{name} = 1970-01-01 + {day} 天，公历没有这一天 days: no day of the calendar"
            raise InvalidRecord("DATE_OUT_OF_RANGE", told)
    if (year := row.get("plan_year", 0)) and not FIRST_PLAN_YEAR <= year <= LAST_PLAN_YEAR:
        told = f"plan_year = {year}，应为 should be 0（无 none）或 or {FIRST_PLAN_YEAR}..{LAST_PLAN_YEAR}"
        raise InvalidRecord("DATE_OUT_OF_RANGE", told)
    return row


def _key(row: Mapping[str, Any]) -> str:
    return item_key(row["unit_code"], row["item_code"])


def _cases_of(row: Mapping[str, Any]) -> Touch:
    return item_span(row["unit_code"], parse_item(row["item_code"]).code)
