"""What must hold after every committed transaction, whatever happened before."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import chain, product
from typing import TYPE_CHECKING, Any

from consumers.rows import TABLES, version_of
from streams.contracts import (
    ANOMALY_TOPICS,
    ARCHIVE_RECEIVED,
    CASE_CLOSED,
    CASE_STATE,
    COVERAGE_PARTIAL,
    DEAD_LETTER,
    ITEM_STATE,
    JOB_INPUTS,
    REFERENCE_INPUTS,
    codec,
)
from streams.domain.coverage import COUNTS, EXCLUDED_PREFIX, UNREGISTERED, contributions
from streams.domain.facts import canonical
from streams.runtime.progress import Progress, decode
from tests.oracle import configuration, oracle
from tests.simulation.inputs import END_MS, PARTITIONS
from tests.simulation.table import KEYS
from tests.simulation.worker import NAME

if TYPE_CHECKING:
    from tests.simulation.broker import Broker, Place, Txn
    from tests.simulation.table import FakeTables, Row

Event = dict[str, Any]
SINK_GROUP = "guidang-sink"
_OF_TELLING = frozenset({"state", "subject", "resolution", "late_ms"})
"""Fields of a publication that stand in no state."""


class Violation(BaseException):
    """Something that must always hold did not. No product code may catch it, so it is no :class:`Exception`."""


def must(holds: object, *told: object) -> None:
    """Raise unless it holds."""
    if not holds:
        raise Violation(" ".join(str(each) for each in told))


def progress_of(broker: Broker, topic: str, partition: int) -> Progress:
    """What the group has committed of an input."""
    return _decoded(*broker.committed.get((NAME, topic, partition), (-1, None)))


# What is committed is looked at after every transaction, and reading it again gives the same: each is read once.
_decoded = lru_cache(maxsize=1024)(decode)


@lru_cache(maxsize=4096)
def record_of(topic: str, value: bytes) -> Event:
    """A record that was published; nobody may change it."""
    return codec(topic).decode(value)


class Invariants:
    """Follows what is committed, and compares it with what the committed input says.

    Parameters
    ----------
    heard
        ``heard[place][moment]``: where the place ended, at the earliest, when somebody looked at the clock and it said ``moment``.
    whole
        Whether all that is due is done in one unit of work; otherwise only watermarks that agree tell that nothing more is to come.
    """

    def __init__(self, broker: Broker, heard: Mapping[Place, Mapping[int, int]], *, whole: bool) -> None:
        self._broker, self._heard, self._whole = broker, heard, whole
        self.states: list[dict[str, Event]] = [{} for _ in range(PARTITIONS)]
        self.items: dict[str, Event] = {}
        self._gives: list[dict[str, list[Any]]] = [{} for _ in range(PARTITIONS)]
        self._buckets: list[dict[bytes, dict[str, int]]] = [{} for _ in range(PARTITIONS)]
        self._at: dict[tuple[str, bytes | None], int] = {}
        self._told: defaultdict[str, dict[str, Event]] = defaultdict(dict)
        self._ids: set[bytes] = set()
        self._dead: Counter[tuple[str, int, int]] = Counter()
        self._judged: dict[int, Any] = {}
        self._sunk: defaultdict[Place, int] = defaultdict(int)
        self._reached: dict[Place, Progress] = {}
        self.judged = 0

    # The image of what is committed.

    def committed(self, txn: Txn) -> None:
        """Take a transaction in, and look."""
        touched = {partition for group, _, partition in txn.offsets if group == NAME}
        for place, offset in txn.records:
            if place[0] not in JOB_INPUTS:  # what is told to another partition is of no effect there before that one has read it
                touched.add(place[1])
            self._take(place, offset)
        worker = getattr(txn.producer.hooks, "actor", None)
        for partition in sorted(touched):
            self._look(partition, worker.reader.positions() if worker is not None else None)

    def _take(self, place: Place, offset: int) -> None:
        topic, partition = place
        entry = self._broker.logs[place][offset]
        if topic == DEAD_LETTER:
            origin = dict(entry.headers)
            self._dead[origin["guidang-topic"].decode(), int(origin["guidang-partition"]), int(origin["guidang-offset"])] += 1
        elif topic in ANOMALY_TOPICS:
            record = record_of(topic, entry.value)
            [event_id] = [value for name, value in entry.headers if name == "ce_id"]
            must(event_id not in self._ids, "told twice:", record["state"], record["subject"], record["kind"], event_id)
            self._ids.add(event_id)
            self._told[record["subject"]][record["kind"]] = record
        elif topic in {CASE_STATE, ITEM_STATE, COVERAGE_PARTIAL} and self._at.get((topic, entry.key), -1) < offset:
            self._at[topic, entry.key] = offset
            record = record_of(topic, entry.value)
            if topic == CASE_STATE:
                self.states[partition][record["case_no"]] = record
                self._gives[partition][record["case_no"]] = contributions(record)
            elif topic == ITEM_STATE:
                self.items[f"{record['unit_code']}|{record['item_code']}"] = record
            else:
                self._buckets[partition][entry.key or b""] = _counts(record)

    # What must hold.

    def _look(self, partition: int, known: Mapping[str, Any] | None) -> None:
        at = self._progress(partition)
        self._nothing_goes_back(partition, at)
        self._watermarks_are_true(partition, at)
        self._findings_are_told(partition)
        self._counts_are_those_of_the_states(partition)
        self._dead_letters_are_the_poison(partition, at)
        times = [each.read_ms for each in at.values()]
        if None not in times:
            through = {each.watermark_ms for each in at.values()}
            must(len(through) == 1, "the inputs of one partition disagree", at)
            through_ms = through.pop()
            must(through_ms is None or through_ms <= min(times), "time runs ahead of what was read:", at)
            finished = through_ms == min(times) and (self._whole or through_ms == max(times))
        else:
            finished = self._whole
        done = next(iter(at.values())).reference
        self._judge(partition, at, done, done if known is None else known, finished=finished)

    def _progress(self, partition: int) -> dict[str, Progress]:
        return {topic: progress_of(self._broker, topic, partition) for topic in JOB_INPUTS}

    def _nothing_goes_back(self, partition: int, at: Mapping[str, Progress]) -> None:
        for topic, each in at.items():
            before = self._reached.get((topic, partition), Progress())
            must((each.offset or 0) >= (before.offset or 0), topic, partition, "offset goes back", before, each)
            must((each.read_ms or 0) >= (before.read_ms or 0), topic, partition, "time goes back", before, each)
            earliest_ms = max(before.now_ms or 0, each.read_ms or 0)
            must((each.now_ms or 0) >= earliest_ms, topic, partition, "judged at an earlier moment", before, each)
            for reference, positions in before.reference.items():
                must(each.reference.get(reference, (0,)) >= positions, reference, "goes back in partition", partition, before, each)
            self._reached[topic, partition] = each

    def _watermarks_are_true(self, partition: int, at: Mapping[str, Progress]) -> None:
        for topic, each in at.items():
            if each.read_ms is not None:
                end = self._heard[topic, partition].get(each.read_ms)
                must(
                    end is not None and end <= (each.offset or 0),
                    topic,
                    partition,
                    "read to",
                    each.offset,
                    "but at",
                    each.read_ms,
                    "it had",
                    end,
                )

    def _findings_are_told(self, partition: int) -> None:
        for case_no, state in self.states[partition].items():
            self._compare_told(case_no, state)
        for subject, item in self.items.items():
            self._compare_told(subject, item)

    def _compare_told(self, subject: str, state: Event) -> None:
        told = {kind: record for kind, record in self._told[subject].items() if record["state"] == "OPENED"}
        for finding in state["findings"]:
            record = told.pop(finding["kind"], None)
            if record is None:
                raise Violation(f"{subject} {finding['kind']} is open and was never told")
            for name, value in record.items():
                if name not in _OF_TELLING:
                    ought = finding[name] if name in finding else state.get(name)
                    must(value == ought, subject, finding["kind"], "was told with", name, value, "and is", ought)
        must(not told, subject, told.keys(), "was told and is not open")

    def _counts_are_those_of_the_states(self, partition: int) -> None:
        expected: dict[bytes, Counter[str]] = {}
        for gives in self._gives[partition].values():
            for bucket, name in gives:
                expected.setdefault(bucket.key(partition), Counter())[name] += 1
        found = {key: counts for key, counts in self._buckets[partition].items() if counts}
        must(found == expected, "counts of partition", partition, "are", found, "expected", expected)

    def _dead_letters_are_the_poison(self, partition: int, at: Mapping[str, Progress]) -> None:
        for topic in (CASE_CLOSED, ARCHIVE_RECEIVED):
            for offset, entry in self._prefix((topic, partition), at[topic].offset or 0):
                wanted = 1 if entry.note is not None and entry.note.event is None else 0
                must(self._dead[topic, partition, offset] == wanted, "dead letters of", topic, partition, offset, self._dead)
        must(all(count == 1 for count in self._dead.values()), "dead letters:", self._dead)

    def _prefix(self, place: Place, end: int, start: int = 0) -> Iterable[tuple[int, Any]]:
        log = self._broker.logs[place]
        return ((offset, log[offset]) for offset in range(start, end) if log[offset].visible)

    def _readable(self, place: Place, end: int, start: int = 0) -> Iterable[tuple[int, Any]]:
        """Without what is no record of the topic: a reference record that workers refuse is passed over by the sink, too."""
        return ((at, entry) for at, entry in self._prefix(place, end, start) if entry.note is None or entry.note.event is not None)

    def _events(self, place: Place, end: int) -> list[Event]:
        return [entry.note.event for _, entry in self._prefix(place, end) if entry.note.event is not None]

    def _judge(
        self,
        partition: int,
        at: Mapping[str, Progress],
        done: Mapping[str, tuple[int, ...]],
        read: Mapping[str, tuple[int, ...]],
        *,
        finished: bool,
    ) -> None:
        """Each case is as the committed events and the reference rows say.

        All rows through ``done`` have been worked off; of what came after, through ``read``, a case may have seen a part.
        """
        looked = tuple((each.offset, each.read_ms) for each in at.values())
        key = looked, finished, tuple(sorted(done.items())), tuple(sorted(read.items()))
        if self._judged.get(partition) == key:
            return
        self._judged[partition] = key
        self.judged += 1
        left: dict[str, str] = {}
        for number, rows in enumerate(_between(done, read)):
            world = {topic: self._events((topic, 0), rows[topic]) for topic in REFERENCE_INPUTS}
            world |= {topic: self._events((topic, partition), at[topic].offset or 0) for topic in (CASE_CLOSED, ARCHIVE_RECEIVED)}
            wrong = self._wrong(partition, at, world, finished=finished)
            left = {case_no: told for case_no, told in wrong.items() if number == 0 or case_no in left}
            if not left:
                return
        must(not left, *left.values())

    def _wrong(self, partition: int, at: Mapping[str, Progress], world: Mapping[str, list[Event]], *, finished: bool) -> dict[str, str]:
        """Cases that are not as the oracle says, and how."""
        expected = oracle.judge(world, at[ARCHIVE_RECEIVED].read_ms or 0)
        if at[ARCHIVE_RECEIVED].read_ms != at[CASE_CLOSED].read_ms and any(each.closed_at is None for each in expected.values()):
            by_closings = oracle.judge(world, at[CASE_CLOSED].read_ms or 0)
            expected = {no: verdict if verdict.closed_at is not None else by_closings[no] for no, verdict in expected.items()}
        beats = {(beat["source_system"], beat["topic"]) for beat in world["feed-heartbeat"]}
        must(self.states[partition].keys() == expected.keys(), "cases:", self.states[partition].keys(), expected.keys())
        found: dict[str, str] = {}
        for case_no, verdict in expected.items():
            state = self.states[partition][case_no]
            read_ms = at[CASE_CLOSED if state["closed_at"] is None else ARCHIVE_RECEIVED].read_ms
            due = state["wake_at"] is not None and read_ms is not None and state["wake_at"] <= read_ms
            if (finished or not due) and (told := _differs(state, verdict, beats)):
                found[case_no] = told
        return found

    def at_the_end(self) -> None:
        """When everything was read and time has passed: the oracle's image of everything, items included."""
        world = {topic: self._events((topic, 0), self._broker.end((topic, 0))) for topic in REFERENCE_INPUTS}
        for topic in (CASE_CLOSED, ARCHIVE_RECEIVED):
            world[topic] = [event for p in range(PARTITIONS) for event in self._events((topic, p), self._broker.end((topic, p)))]
        expected = oracle.judge(world, END_MS)
        states = {no: state for of in self.states for no, state in of.items()}
        must(states.keys() == expected.keys(), "cases at the end:", states.keys(), expected.keys())
        for case_no, verdict in expected.items():
            told = _differs(states[case_no], verdict, set())
            must(not told, told)
        for place, item in configuration.judge_items(world, END_MS, oracle.DEFAULT_POLICY, expected.values()).items():
            found = self.items.get("|".join(place))
            must(found is not None or not (item.findings or item.configured), place, "is not there", item)
            if found is not None:
                must(frozenset(found["open_anomalies"]) == item.findings and found["configured"] == item.configured, place, item, found)
        for topic in REFERENCE_INPUTS:
            for offset, entry in self._prefix((topic, 0), self._broker.end((topic, 0))):
                wanted = 1 if entry.note is not None and entry.note.event is None else 0
                must(self._dead[topic, 0, offset] == wanted, "dead letters of", topic, offset, self._dead)

    # The sink.

    def sunk(self, tables: FakeTables) -> None:
        """Every record below a committed position is in its table, or a later one of its key is."""
        for table in TABLES:
            for partition in range(self._broker.topics[table.topic]):
                place = (table.topic, partition)
                offset = self._broker.committed.get((SINK_GROUP, *place), (0, ""))[0]
                for at, entry in self._readable(place, offset, self._sunk[place]):
                    row = tables.tables[table.name].get(_row_key(table.name, place, at, entry))
                    must(row is not None and row["version"] >= version_of(1, at), table.name, place, at, "is committed and not stored")
                self._sunk[place] = max(offset, self._sunk[place])

    def stored(self, tables: FakeTables) -> None:
        """When the sink has caught up, the tables are the image."""
        for table in TABLES:
            newest: dict[Any, tuple[int, Any]] = {}
            for partition in range(self._broker.topics[table.topic]):
                place = (table.topic, partition)
                for at, entry in self._readable(place, self._broker.end(place)):
                    newest[_row_key(table.name, place, at, entry)] = at, entry
            found = tables.tables[table.name]
            for key, (at, entry) in newest.items():
                must(key in found and found[key]["version"] == version_of(1, at), table.name, key, "is not the newest", at, found.get(key))
                if table.topic != DEAD_LETTER:
                    _compare_row(found[key], record_of(table.topic, entry.value), table.columns)


def _compare_row(row: Row, record: Event, columns: Iterable[str]) -> None:
    for name in columns:
        if name in record:
            must(row[name] == record[name], "stored", name, row[name], "published", record[name])


def _row_key(table: str, place: Place, offset: int, entry: Any) -> tuple[Any, ...]:
    if table == "dead_letter":
        return 1, place[1], offset
    record = record_of(place[0], entry.value)
    if table == "unit":
        record = {**record, "content": canonical(record)}
    return tuple(record[name] for name in KEYS[table])


def _counts(record: Event) -> dict[str, int]:
    counts = {name: record[name] for name in (*COUNTS, UNREGISTERED)}
    counts |= {EXCLUDED_PREFIX + reason: count for reason, count in record["excluded"].items()}
    return {name: count for name, count in counts.items() if count}


def _between(done: Mapping[str, tuple[int, ...]], read: Mapping[str, tuple[int, ...]]) -> Iterator[dict[str, int]]:
    """Ends of the reference topics from the one to the other: both first, then all there are in between."""
    ends = [(done.get(topic, (0,))[0], read.get(topic, (0,))[0]) for topic in REFERENCE_INPUTS]
    first, last = ([each[which] for each in ends] for which in (0, 1))
    told: list[Iterable[tuple[int, ...]]] = [[tuple(first), tuple(last)], product(*(range(low, high + 1) for low, high in ends))]
    return (dict(zip(REFERENCE_INPUTS, rows, strict=True)) for rows in chain.from_iterable(told))


def _differs(state: Event, verdict: Any, beats: set[tuple[str, str]]) -> str:
    """How a case is not as the oracle says; one whose source declares itself may wait until its word may be used."""
    found = frozenset(state["open_anomalies"])
    waits = (state["source_system"], CASE_CLOSED if state["closed_at"] is None else ARCHIVE_RECEIVED) in beats
    if waits and verdict.status in {"UNARCHIVED", "ORPHAN"} and state["status"] in {"AWAITING", "NOT_CLOSED"}:
        return "" if found == verdict.anomalies - {"UNARCHIVED", "ORPHAN_ARCHIVE"} else f"{state} {verdict}"
    is_, said = [state["status"], found, state["received_at"]], [verdict.status, verdict.anomalies, verdict.received_at]
    if verdict.status != "NOT_CLOSED":
        is_.append(state["reason"])
        said.append(verdict.reason)
    if verdict.status != "EXCLUDED":
        is_.append(state["due_at"])
        said.append(verdict.due_at)
    if verdict.status != "NOT_CLOSED" or verdict.received_at is not None:
        is_ += [state["unit_code"], state["district_code"], state["item_code"]]
        said += [verdict.unit_code, verdict.district_code, verdict.item_code]
    return "" if is_ == said else f"{state['case_no']} is {is_}, the oracle says {said}"
