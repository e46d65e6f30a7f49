"""The job on the engine's own store and unit of work, without Kafka: batches in, states, counts and messages out."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Any, Self

from streams.agents.cases import BUCKETS, CASES, CaseJob
from streams.agents.reference import ReferenceKeeper
from streams.clock import Clock
from streams.contracts import ANOMALY_UNARCHIVED, ARCHIVE_RECEIVED, CASE_CLOSED, CASE_STATE, COVERAGE_PARTIAL, DEAD_LETTER, codec
from streams.domain.policy import Policy
from streams.domain.reference import Reference
from streams.domain.verdict import Judge
from streams.holidays import china_calendar
from streams.runtime.batch import RecordBatch
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
    """

    def __init__(self, policy: Policy | None = None, *, now_ms: int, partitions: int = 1) -> None:
        self.now_ms = now_ms
        self.reference = Reference()
        judge = Judge(policy or Policy(), china_calendar(), self.reference)
        self.job = CaseJob(name="guidang", topic_prefix="", partitions=partitions, partitioner="murmur2", title_key=b"key", judge=judge)
        self._folder = tempfile.TemporaryDirectory()
        self._store = Store(Path(self._folder.name) / "0", Identity({}, self.job.fingerprint))
        self.watermarks: dict[str, int | None] = {CASE_CLOSED: None, ARCHIVE_RECEIVED: None}
        self._offsets = {CASE_CLOSED: 0, ARCHIVE_RECEIVED: 0}
        self.messages: list[Message] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._store.close()
        self._folder.cleanup()

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
        self.job.process(unit, RecordBatch(topic, 0, batch, base, base + len(batch), None, 1))
        self._commit(unit)

    def reference_record(self, topic: str, record: Event, *, seen_at_ms: int | None = None) -> None:
        """Take in a reference record, and visit again what it may change, as the engine does."""
        seen = self.now_ms if seen_at_ms is None else seen_at_ms
        keeper = ReferenceKeeper(reference=self.reference, topic_prefix="", clock=StoppedClock(seen))
        value = codec(topic).encode(record)
        given = SimpleNamespace(topic=lambda: topic, value=lambda: value, partition=lambda: 0, offset=lambda: 0)
        for low, high in keeper.on_record(given):
            unit = self._unit()
            self.job.revisit(unit, [key for _, key in unit.scan(low, high, 1_000_000)])
            self._commit(unit)

    def tick(self, now_ms: int | None = None, *, closings_read_ms: int | None = None, archives_read_ms: int | None = None) -> None:
        """Let time pass: the clock, and the watermarks with it unless they are given."""
        self.now_ms = now_ms or self.now_ms
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
        return {state["case_no"]: state for state in self._table(CASES, CASE_STATE)}

    def state(self, case_no: str) -> Event:
        """State of one case."""
        return self.states()[case_no]

    def buckets(self) -> list[Event]:
        """All coverage records, in key order, those that are all zero left out."""
        return [record for record in self._table(BUCKETS, COVERAGE_PARTIAL) if any(_counts(record))]

    def told(self) -> list[tuple[str, str, str]]:
        """(kind, state, resolution) of every anomaly message so far, in order."""
        return [(a["kind"], a["state"], a["resolution"]) for a in self.anomalies()]

    def anomalies(self) -> list[Event]:
        """Every anomaly record so far, in order."""
        return [codec(ANOMALY_UNARCHIVED).decode(m.value) for m in self.messages if m.topic == ANOMALY_UNARCHIVED]

    def open_anomalies(self) -> set[tuple[str, str]]:
        """(case number, kind) of the findings whose last message is OPENED."""
        last = {(a["subject"], a["kind"]): a["state"] for a in self.anomalies()}
        return {key for key, state in last.items() if state == "OPENED"}

    def dead_letters(self) -> list[Message]:
        """Every dead letter so far."""
        return [message for message in self.messages if message.topic == DEAD_LETTER]

    def _events(self, topic: str, events: Iterable[Event]) -> None:
        self.raw(topic, *[(event["case_no"].encode(), codec(topic).encode(event)) for event in events])

    def _unit(self) -> Unit:
        return Unit(
            store=self._store,
            terms=self.job.terms,
            tables=list(self.job.tables),
            partition=0,
            now_ms=self.now_ms,
            watermarks=self.watermarks,
        )

    def _commit(self, unit: Unit) -> None:
        self._store.write(unit.changes({}))
        self.messages += [Message(out.topic, out.key, out.value, list(out.headers)) for out in unit.outputs]

    def _table(self, table: str, topic: str) -> list[Event]:
        keys = self._store.keys(table, None, 1_000_000)
        return [codec(topic).decode(value) for value in self._store.get_many(table, keys)]


def _counts(record: Event) -> Sequence[int]:
    return [*record["excluded"].values(), *(value for name, value in record.items() if name in _COUNT_NAMES)]


_COUNT_NAMES = frozenset(
    [
        "archived",
        "archived_late",
        "unarchived",
        "awaiting",
        "refused",
        "orphan",
        "due",
        "due_archived",
        "official_closed",
        "official_archived",
    ]
)
