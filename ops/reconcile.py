"""Recomputes every verdict in one batch from the inputs, and compares with what the stream has said.

These must agree: the published states of cases and items with the recomputed ones, the coverage counts with the fold of the states,
the open findings told on the anomaly topics with those of the states, where and when each lies as well, and ClickHouse with the topics.

It goes partition by partition. What comes of a case lies in the partition of its number, on every topic; so one partition's cases are held
at once, packed, and of the others only sums and what items need, whose cases may lie in any partition.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from itertools import chain, count
from sys import intern
from typing import Any, NamedTuple

from consumers.clickhouse import Client, connect, reaching
from ops.caught_up import Observer
from ops.connect import Admin
from ops.monitor.canary import CASE_PREFIX
from ops.reading import TopicReader
from ops.recompute import InputReader, Tell, judged, kept, read_cases, read_reference
from streams.app import build_assessor, check_key
from streams.contracts import (
    ANOMALY_MISCONFIGURED,
    ANOMALY_QUALITY,
    ANOMALY_UNARCHIVED,
    CASE_INPUTS,
    CASE_STATE,
    COVERAGE_PARTIAL,
    ITEM_STATE,
    REFERENCE_INPUTS,
    codec,
)
from streams.domain.assess import Assessor
from streams.domain.configuration import Auditor
from streams.domain.coverage import COUNTS, EXCLUDED_PREFIX, UNREGISTERED, contributions
from streams.domain.findings import without_marks
from streams.domain.reference import Reference, item_key
from streams.domain.rules import KINDS, kinds_told_on
from streams.domain.verdict import FLAG_UNREGISTERED_ITEM, State
from streams.partitioner import CLICKHOUSE_NAMES
from streams.runtime.topology import check_counts
from streams.settings import Settings

_PLACES = ("case-state", "item-state", "coverage-partial", "anomaly", "clickhouse")
_ANOMALIES_OF_CASES = (ANOMALY_UNARCHIVED, ANOMALY_QUALITY)
_ANOMALIES_OF_ITEMS = (ANOMALY_MISCONFIGURED,)
_KIND_OF_ITEMS = "has({of_items:Array(String)}, kind)"
_OF_CASES = (*CASE_INPUTS, CASE_STATE, *_ANOMALIES_OF_CASES, COVERAGE_PARTIAL)
_OF_ITEMS = (ITEM_STATE, *_ANOMALIES_OF_ITEMS)
_COLUMNS = ("status", "reason", "unit_code", "district_code", "item_code", "due_passed")
_TIMES = ("closed_at", "due_at", "received_at")
_CODES = ("unit_code", "district_code", "item_code")
_TIMES_OF_FINDINGS = ("closed_at", "due_at")
_CANARIES = CASE_PREFIX.encode()
Figures = Mapping[str, int]


class Particulars(NamedTuple):
    """What is compared of an open finding: whose it is in the figures, of which time, and whether it counts."""

    waived: bool
    unit_code: str
    district_code: str
    item_code: str
    closed_at: int | None
    due_at: int | None


Findings = dict[tuple[str, str], Particulars]
"""The open ones, by subject and kind."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it ought to be.

    Parameters
    ----------
    where
        ``case-state``, ``item-state``, ``coverage-partial``, ``anomaly`` or ``clickhouse``.
    """

    where: str
    key: str
    field: str
    expected: Any
    found: Any


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The outcome.

    Parameters
    ----------
    cases
        Recomputed.
    not_taken
        Input records that are no events, by reason: they are in ``dead-letter``.
    differences
        In the order of where they are, so that what others follow from comes first.
    """

    cases: int
    not_taken: dict[str, int]
    differences: list[Difference]

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {"cases": self.cases, "not_taken": self.not_taken, "differences": [asdict(one) for one in self.differences]}


def reconcile(settings: Settings, since_ms: int, tell: Tell) -> Reconciliation:
    """Compare everything; the system must have caught up with ``since_ms``.

    What changes with time alone while this runs may have either verdict: that of ``since_ms`` and that of the end are both right. Canaries,
    which may fly meanwhile, are left out; a figure that rested on one would be a difference.

    Parameters
    ----------
    tell
        Called when a partition of a topic has been read, with the topic and how many have been and will have been.

    Raises
    ------
    TopologyError
        The topics have other partitions than ``kafka.partitions`` says.
    """
    there = Admin(settings).metadata().topics
    counts = {name: len(there[name].partitions) for name in map(settings.topic, _OF_CASES) if name in there}
    check_counts(counts, settings.kafka.partitions)
    with reaching(settings), closing(TopicReader(settings)) as topics:
        comparison = _Comparison(settings, topics, connect(settings), since_ms, tell)
        partitions = map(comparison.cases_of, range(settings.kafka.partitions))
        differences = [*chain.from_iterable(partitions), *comparison.items(), *comparison.sums()]
    differences.sort(key=lambda one: _PLACES.index(one.where))
    return Reconciliation(comparison.cases, dict(comparison.not_taken), differences)


@dataclass(slots=True)
class _Comparison:
    """Compares one partition after the other, and carries from one to the next what they share.

    Parameters
    ----------
    unregistered
        Item to the partitions that have unregistered cases of it.
    places
        Unit and item of these.
    told, stored
        Coverage: sums over the partitions seen, on the topic and in ClickHouse.
    """

    settings: Settings
    topics: TopicReader
    client: Client
    since_ms: int
    tell: Tell
    cases: int = 0
    unregistered: dict[str, set[int]] = field(default_factory=dict)
    places: dict[str, tuple[str, str]] = field(default_factory=dict)
    told: Counter[str] = field(default_factory=Counter)
    stored: Counter[str] = field(default_factory=Counter)
    not_taken: Counter[str] = field(init=False)
    _reference: Reference = field(init=False)
    _assessor: Assessor = field(init=False)
    _reader: InputReader = field(init=False)
    _reads: Iterator[int] = field(init=False)

    def __post_init__(self) -> None:
        self._reads = count(1)
        self._reference, self.not_taken = read_reference(self.settings, self._read)
        self._assessor = build_assessor(self.settings, self._reference)
        self._reader = InputReader(self.settings, self._assessor.digest)
        check_key(self.settings, self._assessor, Observer(self.settings).progress().values())

    def cases_of(self, partition: int) -> Iterator[Difference]:
        """Compare all that comes of the cases of a partition."""
        inputs = read_cases(self._reader, lambda topic: self._read(topic, partition))
        states = self._last(CASE_STATE, partition)
        later_ms = self.settings.make_clock().now_ms()
        rows = self._rows(partition)
        self.not_taken += inputs.refused
        findings: Findings = {}
        coverage: dict[bytes, Counter[str]] = {}
        for key in sorted(inputs.facts.keys() | states.keys() | rows.keys()):
            # Each is dropped here: what follows needs the room.
            facts, value, row = inputs.facts.pop(key, None), states.pop(key, None), rows.pop(key, None)
            if key.startswith(_CANARIES):
                continue
            case_no, state = key.decode(errors="replace"), None if value is None else codec(CASE_STATE).decode(value)
            if state and not facts and (home := self._reader.home(key)) != partition:
                yield Difference("case-state", case_no, "partition", home, partition)
                continue  # it has no right to be in a figure or a finding, and its row is that of its home
            self.cases += facts is not None
            yield from self._case(case_no, facts, state, later_ms)
            yield from _row(case_no, state, row)
            if state:
                findings |= _findings(case_no, state)
                self._fold(partition, state, coverage)
        yield from self._coverage(partition, coverage)
        here = f"NOT {_KIND_OF_ITEMS} AND {self._in_partition('subject', partition)}"
        yield from self._anomalies(findings, _ANOMALIES_OF_CASES, here, partition)

    def items(self) -> Iterator[Difference]:
        """Compare the items, once all partitions were."""
        read = (codec(ITEM_STATE).decode(value) for value in self._last(ITEM_STATE).values())
        items = {item_key(state["unit_code"], state["item_code"]): state for state in read}
        moments = self.since_ms, self.settings.make_clock().now_ms()
        auditor = Auditor(self._reference, self.settings.domain_policy())
        for key in sorted(self._reference.subjects() | self.unregistered.keys() | items.keys()):
            found = items.get(key)
            place = self.places.get(key) or self._reference.place_of(key) or (found and (found["unit_code"], found["item_code"]))
            if found is None or place is None:
                yield Difference("item-state", key, "item_code", key, None)
                continue
            unit, item = place
            expected, later = (auditor.audit(unit, item, sorted(self.unregistered.get(key, ())), moment) for moment in moments)
            if _different(later, found):
                yield from (Difference("item-state", key, name, expected[name], found[name]) for name in _different(expected, found))
        findings: Findings = {}
        for key, state in items.items():
            findings |= _findings(key, state)
        yield from self._anomalies(findings, _ANOMALIES_OF_ITEMS, _KIND_OF_ITEMS)

    def sums(self) -> Iterator[Difference]:
        """Compare the sums over all partitions, once all were seen; in ClickHouse of all there is, even of a partition that is none."""
        self.stored.update(self._stored_coverage(f"c.input_partition NOT BETWEEN 0 AND {self.settings.kafka.partitions - 1}"))
        yield from _parted("clickhouse", "coverage_partial", self.told, self.stored)

    def _case(self, case_no: str, facts: bytes | None, found: State | None, later_ms: int) -> Iterator[Difference]:
        expected = judged(self._assessor, case_no, facts, self.since_ms) if facts else None
        if expected and found:
            different = _different(expected, found)
            if different and facts and _different(judged(self._assessor, case_no, facts, later_ms), found):
                yield from (Difference("case-state", case_no, name, _shown(expected[name]), _shown(found[name])) for name in different)
        elif expected or found:
            yield Difference("case-state", case_no, "status", expected and expected["status"], found and found["status"])

    def _fold(self, partition: int, state: State, coverage: dict[bytes, Counter[str]]) -> None:
        for bucket, name in contributions(state):
            coverage.setdefault(kept(bucket.key(partition)), Counter())[name] += 1
        if FLAG_UNREGISTERED_ITEM in state["flags"]:
            key = item_key(state["unit_code"], state["item_code"])
            self.unregistered.setdefault(key, set()).add(partition)
            self.places[key] = state["unit_code"], state["item_code"]

    def _coverage(self, partition: int, expected: Mapping[bytes, Figures]) -> Iterator[Difference]:
        found = self._last(COVERAGE_PARTIAL, partition)
        for key in sorted(expected.keys() | found.keys()):
            value = found.get(key)
            figures = _figures(codec(COVERAGE_PARTIAL).decode(value)) if value is not None else {}
            self.told.update(figures)
            yield from _parted("coverage-partial", key.decode(), expected.get(key, {}), figures)
        self.stored.update(self._stored_coverage(f"c.input_partition = {partition}"))  # now, as more may be counted while others are read

    def _stored_coverage(self, where: str) -> Figures:
        sums = ", ".join(f"sum(c.{name}) AS {name}" for name in (*COUNTS, UNREGISTERED))
        sql = f"SELECT {sums}, sumMap(excluded) AS excluded FROM coverage_partial AS c FINAL WHERE {where}"  # noqa: S608 - our own words
        (row,) = self.client.query(sql).named_results()
        return _figures(row)

    def _anomalies(self, ought: Findings, topics: tuple[str, ...], where: str, partition: int | None = None) -> Iterator[Difference]:
        """What subscribers and ClickHouse take to be open, and its particulars, against the states."""
        yield from _findings_parted("anomaly", ought, self._told_findings(ought, topics, partition))
        yield from _findings_parted("clickhouse", ought, self._stored_findings(where))

    def _told_findings(self, ought: Findings, topics: tuple[str, ...], partition: int | None) -> Findings:
        """Open as topics tell.

        Of what a topic no longer tells, its beginning being gone, the states alone say that it is open: subscribers go by them.
        """
        told: Findings = {}
        for topic in topics:
            if self.topics.is_cut(topic, partition):
                told |= {finding: particulars for finding, particulars in ought.items() if KINDS[finding[1]].topic == topic}
            for message in self._read(topic, partition):
                record = codec(topic).decode(message.value())
                told.pop((record["subject"], record["kind"]), None)
                if record["state"] == "OPENED":
                    told[record["subject"], record["kind"]] = _particulars(record, record)
        return told

    def _stored_findings(self, where: str) -> Findings:
        names = ("subject", "kind", "waived", *_CODES, *_TIMES_OF_FINDINGS)
        columns = ", ".join(f"toUnixTimestamp64Milli({name})" if name in _TIMES_OF_FINDINGS else name for name in names)
        sql = f"SELECT {columns} FROM anomaly FINAL WHERE state = 'OPENED' AND {where}"  # noqa: S608 - our own words
        with self.client.query_rows_stream(sql, parameters={"of_items": list(kinds_told_on(ANOMALY_MISCONFIGURED))}) as rows:
            records = (dict(zip(names, row, strict=True)) for row in rows)
            return {(record["subject"], record["kind"]): _particulars(record, record) for record in records}

    def _rows(self, partition: int) -> dict[bytes, tuple[Any, ...]]:
        """The compared columns of ClickHouse of the cases that belong to a partition."""
        columns = ", ".join([*_COLUMNS, *(f"toUnixTimestamp64Milli({name})" for name in _TIMES)])
        of_ours = f"{self._in_partition('case_no', partition)} AND NOT startsWith(case_no, {{canaries:String}})"
        sql = f"SELECT case_no, {columns} FROM case_state FINAL WHERE {of_ours}"  # noqa: S608 - our own words
        with self.client.query_rows_stream(sql, parameters={"canaries": CASE_PREFIX}) as rows:
            return {row[0].encode(): tuple(row[1:]) for row in rows}

    def _in_partition(self, column: str, partition: int) -> str:
        kafka = self.settings.kafka
        return f"{CLICKHOUSE_NAMES[kafka.partitioner]}({column}) % {kafka.partitions} = {partition}"

    def _last(self, topic: str, partition: int | None = None) -> dict[bytes, bytes]:
        """The last record of each key, as it is on the wire."""
        return {message.key() or b"": message.value() for message in self._read(topic, partition)}

    def _read(self, topic: str, partition: int | None = None) -> Iterator[Any]:
        yield from self.topics.read(topic, partition=partition)
        total = len(REFERENCE_INPUTS) + len(_OF_CASES) * self.settings.kafka.partitions + len(_OF_ITEMS)
        self.tell(topic, next(self._reads), total)


def _different(expected: State, found: State) -> list[str]:
    are = {**found, "findings": without_marks(found["findings"])}
    return [name for name, value in expected.items() if are[name] != value]


def _shown(value: Any) -> Any:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _row(case_no: str, state: State | None, row: tuple[Any, ...] | None) -> Iterator[Difference]:
    found = dict(zip((*_COLUMNS, *_TIMES), row, strict=True)) if row else None
    if state and found:
        yield from (Difference("clickhouse", case_no, name, state[name], is_) for name, is_ in found.items() if state[name] != is_)
    elif state or found:
        yield Difference("clickhouse", case_no, "status", state and state["status"], found and found["status"])


def _findings(subject: str, state: State) -> Findings:
    return {(subject, each["kind"]): _particulars(state, each) for each in state["findings"]}


def _particulars(state: Mapping[str, Any], finding: Mapping[str, Any]) -> Particulars:
    """Of a finding in a state; the record of one is both. There are few codes: each is held once."""
    unit_code, district_code, item_code = (intern(state[name]) for name in _CODES)
    closed_at, due_at = (state.get(name) for name in _TIMES_OF_FINDINGS)
    return Particulars(bool(finding["waived"]), unit_code, district_code, item_code, closed_at, due_at)


def _figures(record: Mapping[str, Any]) -> Figures:
    excluded = {f"{EXCLUDED_PREFIX}{reason}": number for reason, number in record["excluded"].items()}
    return {name: record[name] for name in (*COUNTS, UNREGISTERED)} | excluded


def _parted(where: str, key: str, ought: Figures, is_: Figures) -> Iterator[Difference]:
    for name in sorted(ought.keys() | is_.keys()):
        if ought.get(name, 0) != is_.get(name, 0):
            yield Difference(where, key, name.replace(EXCLUDED_PREFIX, "excluded."), ought.get(name, 0), is_.get(name, 0))


def _findings_parted(where: str, ought: Findings, is_: Findings) -> Iterator[Difference]:
    for subject, kind in sorted(ought.keys() | is_.keys()):
        wanted, given = ought.get((subject, kind)), is_.get((subject, kind))
        if wanted and given:
            for name, expected, found in zip(Particulars._fields, wanted, given, strict=True):
                if expected != found:
                    yield Difference(where, subject, f"{kind}.{name}", expected, found)
        elif wanted or given:
            yield Difference(where, subject, kind, _word(wanted), _word(given))


def _word(finding: Particulars | None) -> str:
    if finding is None:
        return "RESOLVED"
    return "OPENED, waived" if finding.waived else "OPENED"
