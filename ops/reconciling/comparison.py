"""The comparison itself, partition by partition, each as of its own stand (:mod:`ops.reconciling.still`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson

from consumers.clickhouse import Client
from consumers.dead_letters import dead_letter_row
from consumers.items import item_row
from consumers.origins import topic_ids
from consumers.rows import TABLES, unit_row
from ops.caught_up import Observer, behind_sink, wait_caught_up
from ops.connect import Admin
from ops.monitor.canary import CASE_PREFIX
from ops.reading import TopicReader
from ops.recompute import InputReader, ReferenceSoFar, Tell, judged, kept, read_cases
from ops.reconciling.differences import (
    Difference,
    Figures,
    Findings,
    Particulars,
    fields_parted,
    figures_of,
    figures_parted,
    finding_key,
    finding_parted,
    findings_of,
    opened,
    rows_parted,
    said_of,
)
from ops.reconciling.still import STILL_SECONDS, Positions, Stand, Stands, waited
from ops.reconciling.stored import OFFSETS, Later, Row, StoredTable, as_written
from streams.app import build_assessor, check_key
from streams.contracts import (
    ANOMALY_TOPICS,
    CASE_INPUTS,
    CASE_STATE,
    COVERAGE_PARTIAL,
    DEAD_LETTER,
    ITEM_STATE,
    UNIT_REGISTRY,
    codec,
)
from streams.domain.assess import Assessor
from streams.domain.configuration import Auditor
from streams.domain.coverage import EVER, UNREGISTERED, Bucket, contributions
from streams.domain.reference import item_key
from streams.domain.rules import KINDS, kinds_told_on
from streams.domain.verdict import FLAG_UNREGISTERED_ITEM, State
from streams.errors import InvalidRecord
from streams.partitioner import CLICKHOUSE_NAMES
from streams.settings import Settings

OF_PARTITION = (*CASE_INPUTS, CASE_STATE, ITEM_STATE, *ANOMALY_TOPICS, COVERAGE_PARTIAL, DEAD_LETTER)
_COLUMNS = {table.name: table.columns for table in TABLES}
_CANARIES = CASE_PREFIX.encode()
_EVER = f'"{EVER}"'.encode()
_LIFE = "SELECT min(ordinal) FROM topic_incarnation WHERE topic = {topic:String} AND topic_id = {id:String}"
_SINK_PAUSE_SECONDS = 0.25
LOOKS = 3
"""At most, at what differs: what is told has been seen twice."""


@dataclass(slots=True)
class Comparison:
    """Compares one partition after the other, and carries from one to the next what they share.

    Parameters
    ----------
    cases, refused, used, said, at
        By partition, as of the last look at it: recomputed cases; records not taken, by reason; items that it has unregistered cases of;
        of which partitions its items were told that they have such cases; to where topics were read.
    """

    settings: Settings
    topics: TopicReader
    client: Client
    tell: Tell
    cases: dict[int, int] = field(default_factory=dict)
    refused: dict[int, Counter[str]] = field(default_factory=dict)
    used: dict[int, set[str]] = field(default_factory=dict)
    said: dict[int, dict[str, set[int]]] = field(default_factory=dict)
    at: dict[int, dict[str, int]] = field(default_factory=dict)
    _steps: int = 0
    _looks: int = 0
    _reached: Positions = field(default_factory=dict)
    _heard_ms: int = 0
    _stands: Stands = field(init=False)
    _sink: Observer = field(init=False)
    _reference: ReferenceSoFar = field(init=False)
    _assessor: Assessor = field(init=False)
    _auditor: Auditor = field(init=False)
    _reader: InputReader = field(init=False)
    _tables: Mapping[str, StoredTable] = field(init=False)
    _life: int = field(init=False)

    def __post_init__(self) -> None:
        self._stands, self._sink = Stands(self.settings), Observer(self.settings)
        self._reference = ReferenceSoFar(self.settings)
        self._extend(self._stands.find(0, {}, 0).reference, 0)
        self._assessor = build_assessor(self.settings, self._reference.reference)
        self._auditor = Auditor(self._reference.reference, self._assessor.policy)
        self._reader = InputReader(self.settings, self._assessor.digest)
        check_key(self.settings, self._assessor, self._sink.progress().values())
        self._life = self._life_of(DEAD_LETTER)
        self._tables = {
            "case_state": self._table("case_state", lambda row: row["case_no"].encode(), _decoded(CASE_STATE)),
            "coverage_partial": self._table("coverage_partial", _bucket_key, _decoded(COVERAGE_PARTIAL)),
            "item": self._table("item", lambda row: f"{row['unit_code']}|{row['item_code']}".encode(), item_row),
            "dead_letter": self._table("dead_letter", lambda row: row["offset"], orjson.loads),
            "unit": self._table("unit", _unit_key, lambda row: row),
            "anomaly": StoredTable(self.client, "anomaly", ("subject", "kind", *Particulars._fields), finding_key, Particulars._asdict),
        }

    @property
    def not_taken(self) -> Counter[str]:
        """Records that were not taken in, by reason."""
        return sum(self.refused.values(), start=self._reference.refused.copy())

    def look(self, partition: int) -> Iterator[Difference]:
        """Compare all that comes of the cases of a partition, and of the items that it owns, as of its next stand."""
        stand = self._stand(partition)
        self._looks += 1
        self.at[partition] = {name: stand.written[name] for name in (ITEM_STATE, COVERAGE_PARTIAL)}
        states = {key: value for key, value in self._last(CASE_STATE, partition, stand).items() if not key.startswith(_CANARIES)}
        self._wait_for_sink({(name, partition): end for name, end in stand.written.items()})
        yield from self._rows_of_cases(partition, stand, states)
        findings: Findings = {}
        coverage: dict[bytes, Counter[str]] = {}
        yield from self._cases(partition, stand, states, findings, coverage)
        yield from self._coverage(partition, stand, coverage)
        yield from self._items(partition, stand, findings)
        for topic in ANOMALY_TOPICS:
            yield from self._anomalies(partition, stand, topic, findings)
        yield from self._dead_letters(partition, stand)

    def units(self) -> Iterator[Difference]:
        """Compare what ClickHouse knows of the registry of units."""
        (end,) = self._reached[UNIT_REGISTRY]
        self._wait_for_sink({(UNIT_REGISTRY, 0): end})
        records = dict(filter(None, map(_unit, self.topics.read(UNIT_REGISTRY, ends={0: end}))))
        pairs = self._tables["unit"].differing(records, end, self._later(UNIT_REGISTRY, 0, end, _unit), "true")
        yield from rows_parted("unit.", "unit_name", pairs, lambda key: key[0])

    def nowhere(self) -> Iterator[Difference]:
        """Find figures in ClickHouse of partitions that there are not."""
        where = f"input_partition NOT BETWEEN 0 AND {self.settings.kafka.partitions - 1}"
        for _, row in self._tables["coverage_partial"].rows(where, {}):
            yield from figures_parted("clickhouse", _bucket_key(row).decode(), {}, figures_of(row))

    def uses(self) -> tuple[list[Difference], list[Difference]]:
        """Compare which partitions have unregistered cases of an item with what its owner was told.

        They lie in different partitions, seen at different times: where they differ, all that was told before must have been heard, and
        nothing have come since. Return the differences, and what was never at rest.
        """
        parted, moved = self._uses_parted(), set[str]()
        for _ in range(LOOKS):
            if not parted:
                break
            wait_caught_up(self.settings, STILL_SECONDS)
            moved = self._follow_uses()
            parted = self._uses_parted()
            if not any(one.key in moved for one in parted):
                break
        return [one for one in parted if one.key not in moved], [one for one in parted if one.key in moved]

    def _stand(self, partition: int) -> Stand:
        """The next stand of a partition, with reference data read as far as it was taken in there.

        Heartbeats are used from the moment on at which a worker read them, which it does not tell. But those it had read before we looked
        are used at every stand behind our look; those that it read since may have been used, or not.
        """
        if self._reference.heartbeats:
            asked = partial(self._stands.has_taken_in, partition, self._reached)
            waited(lambda: asked() or None, f"参照数据 reference data: {partition}", _SINK_PAUSE_SECONDS)
            self._heard_ms = max(self._heard_ms, self.settings.make_clock().now_ms())
        stand = self._stands.find(partition, self._reached, self._heard_ms if self._reference.heartbeats else 0)
        self._extend(stand.reference, stand.judged_ms)
        return stand

    def _extend(self, reached: Positions, heard_ms: int) -> None:
        def read(topic: str) -> Iterator[Any]:
            positions, ends = (dict(enumerate(at.get(topic, ()))) for at in (before, reached))
            return self.topics.read(topic, positions=positions, ends=ends)

        before = self._reached
        self._reference.extend(read, heard_ms)
        self._reached, self._heard_ms = reached, heard_ms

    def _cases(
        self, partition: int, stand: Stand, states: dict[bytes, bytes], findings: Findings, coverage: dict[bytes, Counter[str]]
    ) -> Iterator[Difference]:
        """Judge the cases and compare; gather what their states say of findings and coverage."""
        inputs = read_cases(self._reader, lambda topic: self._read(topic, partition, stand.read[topic]))
        self.cases[partition], self.refused[partition], self.used[partition] = 0, inputs.refused, set()
        for key in sorted(inputs.facts.keys() | states.keys()):
            # Each is dropped here: what follows needs the room.
            facts, value = inputs.facts.pop(key, None), states.pop(key, None)
            if key.startswith(_CANARIES):
                continue
            case_no, state = key.decode(errors="replace"), None if value is None else codec(CASE_STATE).decode(value)
            if state and not facts and (home := self._reader.home(key)) != partition:
                yield Difference("case-state", case_no, "partition", home, partition)
                continue  # it has no right to be in a figure or a finding, and its row is that of its home
            self.cases[partition] += facts is not None
            yield from self._case(case_no, facts, state, stand)
            if state:
                findings |= findings_of(case_no, state)
                self._fold(partition, state, coverage)

    def _case(self, case_no: str, facts: bytes | None, found: State | None, stand: Stand) -> Iterator[Difference]:
        expected = judged(self._assessor, case_no, facts, stand.done_ms) if facts else None
        if expected and found:
            fields = fields_parted(expected, found)
            if fields and facts and fields_parted(judged(self._assessor, case_no, facts, stand.judged_ms), found):
                yield from (Difference("case-state", case_no, name, _shown(expected[name]), _shown(found[name])) for name in fields)
        elif expected or found:
            yield Difference("case-state", case_no, "status", expected and expected["status"], found and found["status"])

    def _fold(self, partition: int, state: State, coverage: dict[bytes, Counter[str]]) -> None:
        for bucket, name in contributions(state):
            coverage.setdefault(kept(bucket.key(partition)), Counter())[name] += 1
        if FLAG_UNREGISTERED_ITEM in state["flags"]:
            self.used[partition].add(item_key(state["unit_code"], state["item_code"]))

    def _rows_of_cases(self, partition: int, stand: Stand, states: Mapping[bytes, bytes]) -> Iterator[Difference]:
        where = f"{self._in_partition('case_no', partition)} AND NOT startsWith(case_no, {{canaries:String}})"
        later = self._later(CASE_STATE, partition, stand.written[CASE_STATE])
        found = self._tables["case_state"].differing(states, stand.written[CASE_STATE], later, where, {"canaries": CASE_PREFIX})
        ours = (pair for pair in found if pair[2] is not None or self._reader.home(pair[0]) == partition)
        yield from rows_parted("", "status", ours)

    def _coverage(self, partition: int, stand: Stand, expected: Mapping[bytes, Figures]) -> Iterator[Difference]:
        found = self._last(COVERAGE_PARTIAL, partition, stand)
        for key in sorted(expected.keys() | found.keys()):
            value = found.get(key)
            figures = figures_of(None if value is None else codec(COVERAGE_PARTIAL).decode(value))
            yield from figures_parted("coverage-partial", key.decode(), expected.get(key, {}), figures)
        end = stand.written[COVERAGE_PARTIAL]
        later = self._later(COVERAGE_PARTIAL, partition, end)
        where = f"input_partition = {partition}"
        for key, wanted, row in self._tables["coverage_partial"].differing(found, end, later, where):
            yield from figures_parted("clickhouse", key.decode(), figures_of(wanted), figures_of(row))

    def _items(self, partition: int, stand: Stand, findings: Findings) -> Iterator[Difference]:
        last = self._last(ITEM_STATE, partition, stand)
        records = {key: codec(ITEM_STATE).decode(value) for key, value in last.items()}
        reference, said = self._reference.reference, self.said.setdefault(partition, {})
        said.clear()
        owned = {key for key in map(str.encode, reference.subjects()) if self._reader.home(key) == partition}
        for key in sorted(owned | records.keys()):
            subject, found = key.decode(errors="replace"), records.get(key)
            if found is None:
                yield Difference("item-state", subject, "item_code", subject, None)
            elif (home := self._reader.home(key)) != partition:
                yield Difference("item-state", subject, "partition", home, partition)
                del records[key]
            else:
                said[subject] = set(found["unregistered_in"])
                findings |= findings_of(subject, found)
                yield from self._item(subject, found, stand)
        subject_of = "concat(unit_code, '|', item_code)"
        end = stand.written[ITEM_STATE]
        later = self._later(ITEM_STATE, partition, end, lambda message: (message.key(), codec(ITEM_STATE).decode(message.value())))
        pairs = self._tables["item"].differing(records, end, later, self._in_partition(subject_of, partition))
        yield from rows_parted("item.", "item_code", pairs)

    def _item(self, subject: str, found: State, stand: Stand) -> Iterator[Difference]:
        place = found["unit_code"], found["item_code"], found["unregistered_in"]
        expected, later = (self._auditor.audit(*place, moment) for moment in (stand.done_ms, stand.judged_ms))
        if fields_parted(later, found):
            yield from (Difference("item-state", subject, name, expected[name], found[name]) for name in fields_parted(expected, found))

    def _anomalies(self, partition: int, stand: Stand, topic: str, findings: Findings) -> Iterator[Difference]:
        """What subscribers and ClickHouse take to be open, and its particulars, against the states."""
        ought = {finding: said for finding, said in findings.items() if KINDS[finding[1]].topic == topic}
        told = self._told_findings(partition, stand, topic, ought)
        for finding in sorted(ought.keys() | told.keys()):
            yield from finding_parted("anomaly", finding, ought.get(finding), told.get(finding))
        end = stand.written[topic]
        theirs = [kind for other in ANOMALY_TOPICS if other != topic for kind in kinds_told_on(other)]
        where = f"(state = 'OPENED' OR bitAnd(version, {OFFSETS}) >= {end}) AND NOT has({{theirs:Array(String)}}, kind)"
        where += f" AND {self._in_partition('subject', partition)}"
        later = self._later(topic, partition, end, lambda message: said_of(codec(topic).decode(message.value())))
        for finding, wanted, row in self._tables["anomaly"].differing(ought, end, later, where, {"theirs": theirs}):
            yield from finding_parted("clickhouse", finding, opened(wanted), opened(row))

    def _told_findings(self, partition: int, stand: Stand, topic: str, ought: Findings) -> Findings:
        """Open as a topic tells.

        Of what a topic no longer tells, its beginning being gone, the states alone say that it is open: subscribers go by them.
        """
        told: Findings = dict(ought) if self.topics.first(topic, partition) > 0 else {}
        for message in self._read(topic, partition, stand.written[topic]):
            finding, said = said_of(codec(topic).decode(message.value()))
            told.pop(finding, None)
            if said.state == "OPENED":
                told[finding] = said
        return told

    def _dead_letters(self, partition: int, stand: Stand) -> Iterator[Difference]:
        end, life = stand.written[DEAD_LETTER], self._life
        read = self._read(DEAD_LETTER, partition, end)
        records = {message.offset(): kept(orjson.dumps(dead_letter_row(message, life))) for message in read}
        first = self.topics.first(DEAD_LETTER, partition)  # asked now: of letters whose retention ends, the rows stay
        still = {offset: row for offset, row in records.items() if offset >= first}
        where = f"partition = {partition} AND incarnation = {life} AND offset BETWEEN {first} AND {end - 1}"
        pairs = self._tables["dead_letter"].differing(still, end, dict, where)
        yield from rows_parted("dead_letter.", "reason", pairs, lambda offset: f"{partition}@{offset}")

    def _life_of(self, topic: str) -> int:
        """Which life of a topic the sink reads, by its count; 0 where it has not counted this one."""
        name = self.settings.topic(topic)
        parameters = {"topic": name, "id": topic_ids(self.settings, Admin(self.settings).client)[name]}
        return int(self.client.query(_LIFE, parameters=parameters).result_rows[0][0])

    def _follow_uses(self) -> set[str]:
        """Take in what has come since of items and of unregistered cases; return the items it is about."""
        moved: set[str] = set()
        for partition, at in self.at.items():
            for message in self._news(COVERAGE_PARTIAL, partition, at):
                if _EVER in (message.key() or b""):
                    record = codec(COVERAGE_PARTIAL).decode(message.value())
                    moved.add(key := item_key(record["unit_code"], record["item_code"]))
                    (self.used[partition].add if record[UNREGISTERED] else self.used[partition].discard)(key)
            for message in self._news(ITEM_STATE, partition, at):
                state = codec(ITEM_STATE).decode(message.value())
                moved.add(key := item_key(state["unit_code"], state["item_code"]))
                self.said[partition][key] = set(state["unregistered_in"])
        return moved

    def _news(self, topic: str, partition: int, at: dict[str, int]) -> Iterator[Any]:
        for message in self.topics.read(topic, partition=partition, positions={partition: at[topic]}):
            at[topic] = message.offset() + 1
            yield message

    def _uses_parted(self) -> list[Difference]:
        using: dict[str, set[int]] = {}
        for partition, items in self.used.items():
            for key in items:
                using.setdefault(key, set()).add(partition)
        said = {key: partitions for items in self.said.values() for key, partitions in items.items()}
        unknown = [Difference("item-state", key, "item_code", key, None) for key in sorted(using.keys() - said.keys())]
        different = [key for key in sorted(said) if using.get(key, set()) != said[key]]
        return unknown + [
            Difference("item-state", key, "unregistered_in", sorted(using.get(key, ())), sorted(said[key])) for key in different
        ]

    def _wait_for_sink(self, ends: Mapping[tuple[str, int], int]) -> None:
        """Wait until all before these ends, by topic without prefix and partition, is in ClickHouse."""
        wanted = {(self.settings.topic(name), partition): end for (name, partition), end in ends.items()}

        def done() -> bool | None:
            missing = behind_sink(wanted, {place: at for place, at in self._sink.sunk(sure=True).items() if place in wanted})
            return None if missing else True

        waited(done, f"sink 没有写到 did not get to: {wanted}", _SINK_PAUSE_SECONDS)

    def _table(self, name: str, key_of: Callable[[Row], Any], row_of: Callable[[Any], Row]) -> StoredTable:
        return StoredTable(self.client, name, _COLUMNS[name], key_of, row_of)

    def _later(
        self,
        topic: str,
        partition: int,
        end: int,
        take: Callable[[Any], tuple[Any, Any] | None] = lambda message: (message.key(), message.value()),
    ) -> Later:
        """What a topic holds from an end on, as a table compares it."""

        def read() -> dict[int, tuple[Any, Any]]:
            messages = self.topics.read(topic, partition=partition, positions={partition: end})
            return {message.offset(): taken for message in messages if message.offset() >= end and (taken := take(message))}

        return read

    def _in_partition(self, column: str, partition: int) -> str:
        kafka = self.settings.kafka
        return f"{CLICKHOUSE_NAMES[kafka.partitioner]}({column}) % {kafka.partitions} = {partition}"

    def _last(self, topic: str, partition: int, stand: Stand) -> dict[bytes, bytes]:
        """The last record of each key as of a stand, as it is on the wire."""
        return {message.key() or b"": message.value() for message in self._read(topic, partition, stand.written[topic])}

    def _read(self, topic: str, partition: int, end: int) -> Iterator[Any]:
        yield from self.topics.read(topic, partition=partition, ends={partition: end})
        self._steps += 1
        again = max(0, self._looks - len(self.at))
        self.tell(topic, self._steps, (self.settings.kafka.partitions + again) * len(OF_PARTITION))


def _shown(value: Any) -> Any:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _decoded(topic: str) -> Callable[[bytes], Row]:
    """How a record on the wire becomes a row of the table that it goes into as it is."""
    (columns,) = (table.columns for table in TABLES if table.topic == topic)
    row = as_written(columns)
    return lambda value: row(codec(topic).decode(value))


def _bucket_key(row: Row) -> bytes:
    return Bucket(row["granularity"], row["bucket_start"], row["due_start"], *(row[name] for name in Bucket._fields[3:])).key(
        row["input_partition"]
    )


def _unit_key(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("unit_code", "revision", "event_id", "content"))


def _unit(message: Any) -> tuple[Any, Row] | None:
    """Key and row of a record of the registry of units, if it is taken in."""
    try:
        row = unit_row(message.value())
    except InvalidRecord:
        return None
    row["content"] = row["content"].decode()
    return _unit_key(row), row
