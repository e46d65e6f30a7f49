"""The job on the engine's own store and unit of work, without Kafka: batches in, states, counts and messages out."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Any, Self

from streams.agents.breaker import Breaker
from streams.agents.cases import CaseJob
from streams.agents.intake import keyed_digest
from streams.agents.reference import ReferenceKeeper
from streams.agents.tables import BUCKET_TABLE, CASE_TABLE, ITEM_TABLE, TABLES, Table
from streams.clock import Clock
from streams.contracts import (
    ANOMALY_TOPICS,
    ANOMALY_UNARCHIVED,
    ARCHIVE_RECEIVED,
    CASE_CLOSED,
    DEAD_LETTER,
    ITEM_USE,
    codec,
    record_key,
)
from streams.domain.assess import Assessor
from streams.domain.coverage import COUNTS, UNREGISTERED
from streams.domain.policy import Policy
from streams.domain.reference import Reference
from streams.holidays import china_calendar
from streams.runtime import index
from streams.runtime.batch import RecordBatch
from streams.runtime.revisit import Revisits
from streams.runtime.state import Identity, Store
from streams.runtime.unit import Unit

Event = dict[str, Any]


@dataclass(frozen=True)
class Message:
    """An output record."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


class StoppedClock(Clock):
    """A clock that stands."""

    def now_ms(self) -> int:
        """The time it was given."""
        return self.shift_ms


class Pipeline:
    """One partition of the pipeline; each step is a unit of work of its own, committed at once.

    Parameters
    ----------
    partitions
        With more than one, keys of other partitions are MISROUTED.
    breaker
        By default one that never ends the work.
    """

    def __init__(self, policy: Policy | None = None, *, now_ms: int, partitions: int = 1, breaker: Breaker | None = None) -> None:
        self.now_ms, self.epoch = now_ms, 0
        self.reference = Reference()
        self._clock = StoppedClock(now_ms)
        self._keeper = ReferenceKeeper(reference=self.reference, topic_prefix="", clock=self._clock)
        self.assessor = Assessor(policy or Policy(), china_calendar(), self.reference, keyed_digest(b"key"))
        self._job = partial(
            CaseJob,
            name="guidang",
            topic_prefix="",
            partitions=partitions,
            partitioner="murmur2",
            rejected=self._keeper.rejected,
            breaker=breaker or Breaker(1, 1),
        )
        self.job = self._job(assessor=self.assessor)
        self._folder = tempfile.TemporaryDirectory()
        self._store = Store(Path(self._folder.name) / "0", Identity({}, self.job.fingerprint))
        self.watermarks: dict[str, int | None] = dict.fromkeys(self.job.inputs)
        self._offsets = dict.fromkeys((*self.job.inputs, *self._keeper.topics), 0)
        self._revisits = Revisits()
        self.messages: list[Message] = []
        self.changelogs: dict[str, dict[bytes, bytes]] = {table: {} for table in self.job.tables}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._store.close()
        self._folder.cleanup()

    def world(self, events: Mapping[str, Iterable[Event]]) -> None:
        """Take in a world of events by topic: reference data first, then closings, then archives."""
        for topic, records in events.items():
            if topic not in (CASE_CLOSED, ARCHIVE_RECEIVED):
                for record in records:
                    self.reference_record(topic, record)
        self.closings(*events[CASE_CLOSED])
        self.archives(*events[ARCHIVE_RECEIVED])

    def closings(self, *events: Event) -> None:
        """Take in a batch of CaseClosed."""
        self._events(CASE_CLOSED, events)

    def archives(self, *events: Event) -> None:
        """Take in a batch of ArchiveReceived."""
        self._events(ARCHIVE_RECEIVED, events)

    def raw(self, topic: str, *records: tuple[bytes | None, bytes | None]) -> None:
        """Take in a batch of (key, value) as they are."""
        base = self._offsets[topic]
        batch = [
            SimpleNamespace(topic=topic, partition=0, offset=base + i, timestamp=0, headers=(("own", b"header"),), key=key, value=value)
            for i, (key, value) in enumerate(records)
        ]
        self._offsets[topic] += len(batch)
        unit = self._unit()
        self.job.process(unit, [RecordBatch(topic, 0, batch, base, base + len(batch), None, 1)])
        self._commit(unit)

    def reference_record(self, topic: str, record: Event, *, seen_at_ms: int | None = None) -> None:
        """Take in a reference record, and visit again what it may change, as the engine does."""
        self.reference_raw(topic, record_key(topic, record), codec(topic).encode(record), seen_at_ms=seen_at_ms)

    def reference_raw(self, topic: str, key: bytes | None, value: bytes | None, *, seen_at_ms: int | None = None) -> None:
        """Take in a reference record as it is."""
        object.__setattr__(self._clock, "shift_ms", self.now_ms if seen_at_ms is None else seen_at_ms)
        offset = self._offsets[topic]
        self._offsets[topic] += 1
        given = {"topic": topic, "value": value, "partition": 0, "offset": offset, "timestamp": (1, 0), "key": key, "headers": []}
        self._revisits.add(self._keeper.on_record(SimpleNamespace(**{name: partial(_same, each) for name, each in given.items()})))
        self._revisit()

    def follow(self, policy: Policy) -> None:
        """Go on under another policy, as a worker does that starts with it."""
        self.assessor = replace(self.assessor, policy=policy)
        self.job, self.epoch = self._job(assessor=self.assessor), self.epoch + 1
        self._revisits = Revisits(everything=self.job.revisited)
        self._revisit()

    def _revisit(self) -> None:
        while self._revisits.pending:
            unit = self._unit()
            for table, keys in self._revisits.take(unit, 1_000_000):
                self.job.revisit(unit, table, keys)
            self._commit(unit)

    def tick(self, now_ms: int | None = None, *, closings_read_ms: int | None = None, archives_read_ms: int | None = None) -> None:
        """Let time pass: the clock, and the watermarks with it unless they are given."""
        self.now_ms = now_ms or self.now_ms
        self.watermarks[ITEM_USE] = self.now_ms
        self.watermarks[CASE_CLOSED] = self.now_ms if closings_read_ms is None else closings_read_ms
        self.watermarks[ARCHIVE_RECEIVED] = self.now_ms if archives_read_ms is None else archives_read_ms
        for _ in range(1_000):
            unit = self._unit()
            left = self.job.advance(unit, 3)
            self._commit(unit)
            if left is None:
                return
        raise AssertionError("what is due never ends")

    def states(self) -> dict[str, Event]:
        """State of every case, by case number."""
        return {state["case_no"]: state for state in self._table(CASE_TABLE)}

    def items(self) -> dict[str, Event]:
        """State of every item of which anything is known, by ``unit|item``: a case that came and went may leave an empty one behind."""
        states = {f"{state['unit_code']}|{state['item_code']}": state for state in self._table(ITEM_TABLE)}
        known = self.reference.subjects()
        return {key: state for key, state in states.items() if key in known or state["unregistered_in"]}

    def state(self, case_no: str) -> Event:
        """State of one case."""
        return self.states()[case_no]

    def buckets(self, granularity: str = "", *, zeros: bool = False) -> list[Event]:
        """All coverage records, or those of one granularity, in key order, those that are all zero left out unless asked for."""
        found = (record for record in self._table(BUCKET_TABLE) if granularity in {"", record["granularity"]})
        return [record for record in found if zeros or any(_counts(record))]

    def told(self, *topics: str) -> list[tuple[str, str, str]]:
        """(kind, state, resolution) of every message so far on anomaly topics, in order; by default on ``anomaly-unarchived``."""
        return [(a["kind"], a["state"], a["resolution"]) for a in self.anomalies(*topics)]

    def anomalies(self, *topics: str) -> list[Event]:
        """Every record so far on anomaly topics, in order; by default on ``anomaly-unarchived``."""
        wanted = topics or (ANOMALY_UNARCHIVED,)
        return [codec(m.topic).decode(m.value) for m in self.messages if m.topic in wanted]

    def open_anomalies(self) -> set[tuple[str, str]]:
        """(subject, kind) of the findings of all topics whose last message is OPENED."""
        return set(self.open_records())

    def open_records(self) -> dict[tuple[str, str], Event]:
        """The last record of each of them: what subscribers hold."""
        last = {(a["subject"], a["kind"]): a for a in self.anomalies(*ANOMALY_TOPICS)}
        return {key: record for key, record in last.items() if record["state"] == "OPENED"}

    def dead_letters(self) -> list[Message]:
        """Every dead letter so far."""
        return [message for message in self.messages if message.topic == DEAD_LETTER]

    def kept(self, name: str, key: bytes) -> tuple[Event, list[bytes]]:
        """What the store holds: a record, and the terms it is found by."""
        [entry] = self._store.get_many(name, [key])
        assert entry is not None
        return TABLES[name].load(index.value_of(entry)), index.terms_of(entry)

    def bytes_of(self, name: str, key: bytes) -> int:
        """Bytes of a record in the store, with its key and its places in the index, before the store compresses them."""
        [entry] = self._store.get_many(name, [key])
        assert entry is not None
        return len(key) + len(entry) + sum(map(len, index.positions_of(entry, key)))

    def _events(self, topic: str, events: Iterable[Event]) -> None:
        self.raw(topic, *[(event["case_no"].encode(), codec(topic).encode(event)) for event in events])

    def _unit(self) -> Unit:
        return Unit(
            store=self._store,
            tables=list(self.job.tables),
            partition=0,
            now_ms=max(self.now_ms, *(at or 0 for at in self.watermarks.values())),
            epoch=self.epoch,
            watermarks=self.watermarks,
        )

    def _commit(self, unit: Unit) -> None:
        self._store.write(unit.changes({}))
        for table, records in unit.puts.items():
            self.changelogs[table].update(records)
        told = [Message(out.topic, out.key, out.value, list(out.headers)) for out in unit.outputs]
        self.messages += told
        uses = [(message.key, message.value) for message in told if message.topic == ITEM_USE]
        if uses:
            self.raw(ITEM_USE, *uses)

    def _table(self, table: Table) -> list[Event]:
        return [record for record in table.get_many(self._unit(), self._store.keys(table.name, None, 1_000_000)) if record is not None]


def _counts(record: Event) -> Sequence[int]:
    return [*record["excluded"].values(), *(record[name] for name in (*COUNTS, UNREGISTERED))]


def _same(value: Any) -> Any:
    return value
