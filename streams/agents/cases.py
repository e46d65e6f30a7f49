"""The job of matching: closings and archives in; case states, findings and coverage counts out.

It decodes, calls the domain and hands on outcomes; the rules are in ``streams.domain``, delivery is in ``streams.runtime``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from streams.agents.coverage import CoverageFold
from streams.agents.intake import Intake
from streams.agents.outcomes import anomaly_headers, dead_letter_headers
from streams.agents.terms import Range, due_range, silent_range, state_terms, wake_ms
from streams.contracts import (
    ANOMALY_UNARCHIVED,
    ARCHIVE_RECEIVED,
    CASE_CLOSED,
    CASE_STATE,
    COVERAGE_PARTIAL,
    DEAD_LETTER,
    codec,
)
from streams.domain.facts import CaseFacts, TooManyEvents
from streams.domain.findings import findings, publications
from streams.domain.verdict import Judge, Moment, State
from streams.errors import InvalidRecord
from streams.partitioner import PARTITIONERS
from streams.runtime.batch import RecordBatch
from streams.runtime.job import Work

CASES, BUCKETS = "cases", "buckets"
_MOST_KNOWN_TERMS = 50_000
RULES_VERSION = 1
"""Goes up when the rules or the index terms change: every case is then judged again at the next start."""


@dataclass(slots=True)
class Tally:
    """What the job has done since the process started; for the metrics."""

    events: int = 0
    verdicts: int = 0
    dead_letters: dict[str, int] = field(default_factory=dict)
    published: dict[tuple[str, str], int] = field(default_factory=dict)


class CaseJob:
    """The job, as the engine runs it (:class:`streams.runtime.job.Job`).

    Parameters
    ----------
    name
        Application id.
    topic_prefix
        Stands before every topic name on the broker.
    partitions, partitioner
        How producers of the case topics choose the partition; a record elsewhere is MISROUTED.
    """

    def __init__(self, *, name: str, topic_prefix: str, partitions: int, partitioner: str, title_key: bytes, judge: Judge) -> None:
        self.name = name
        self.judge = judge
        self.tally = Tally()
        self._topics = {t: topic_prefix + t for t in (CASE_CLOSED, ARCHIVE_RECEIVED, ANOMALY_UNARCHIVED, DEAD_LETTER)}
        self.inputs = (self._topics[CASE_CLOSED], self._topics[ARCHIVE_RECEIVED])
        self.outputs = (self._topics[ANOMALY_UNARCHIVED], self._topics[DEAD_LETTER])
        self.tables: Mapping[str, str] = {CASES: topic_prefix + CASE_STATE, BUCKETS: topic_prefix + COVERAGE_PARTIAL}
        self.fingerprint = f"{RULES_VERSION}-{judge.policy.fingerprint()}"
        self._intakes = {self._topics[t]: Intake(t, title_key) for t in (CASE_CLOSED, ARCHIVE_RECEIVED)}
        self._partition_of, self._partitions = PARTITIONERS[partitioner], partitions
        self._states, self._anomalies = codec(CASE_STATE), codec(ANOMALY_UNARCHIVED)
        self._fold = CoverageFold(BUCKETS)
        # Terms of values that were decoded or encoded a moment ago, so that the engine's question costs no second decoding.
        self._known_terms: dict[bytes, tuple[bytes, ...]] = {}

    def terms(self, table: str, key: bytes, value: bytes) -> tuple[bytes, ...]:
        """When and why a case is to be judged again."""
        del key
        if table != CASES:
            return ()
        known = self._known_terms.pop(value, None)
        return state_terms(self._states.decode(value)) if known is None else known

    def process(self, work: Work, batch: RecordBatch) -> None:
        """Merge a batch of events into their cases and judge those that changed."""
        closings = batch.topic == self._topics[CASE_CLOSED]
        by_case: dict[bytes, list[tuple[Any, dict[str, Any]]]] = {}
        for record in batch.records:
            try:
                event = self._intakes[batch.topic].event(record)
            except InvalidRecord as error:
                self._dead_letter(work, record, error)
            else:
                by_case.setdefault(record.key, []).append((record, event))
        self.tally.events += len(batch.records)
        keys = list(by_case)
        for key, value in zip(keys, work.get_many(CASES, keys), strict=True):
            arrived = by_case[key]
            if value is None and (home := self._partition_of(key, self._partitions)) != work.partition:
                for record, _ in arrived:
                    detail = f"该办件号属于分区 {home} the key belongs to partition {home} (partitioner of the producer?)"
                    self._dead_letter(work, record, InvalidRecord("MISROUTED", detail))
                continue
            before = self._load(value) if value is not None else None
            facts = CaseFacts.load(before["facts"] if before else b"")
            if self._merge(work, facts, arrived, closings=closings):
                self._settle(work, key, facts, before)
        self._fold.flush(work)

    def advance(self, work: Work, limit: int) -> int | None:
        """Judge the cases whose time has come, and those whose silent source has spoken."""
        for low, high in self._due(work):
            found = work.scan(low, high, limit)
            self.revisit(work, [key for _, key in found])
            limit -= len(found)
            if limit <= 0:
                pending = [wake_ms(term) for low, high in self._due(work) for term, _ in work.scan(low, high, 1)]
                return min(pending) - 1 if pending else None
        return None

    def revisit(self, work: Work, keys: Sequence[bytes]) -> None:
        """Judge cases again on the facts they have."""
        for key, value in zip(keys, work.get_many(CASES, keys), strict=True):
            if value is not None:
                before = self._load(value)
                self._settle(work, key, CaseFacts.load(before["facts"]), before)
        self._fold.flush(work)

    def _load(self, value: bytes) -> State:
        state = self._states.decode(value)
        if len(self._known_terms) > _MOST_KNOWN_TERMS:
            self._known_terms.clear()
        self._known_terms[value] = state_terms(state)
        return state

    def _due(self, work: Work) -> Iterator[Range]:
        """The stretches of the index in which something is due at the watermarks."""
        feeds = self.judge.reference.feeds
        for name in (CASE_CLOSED, ARCHIVE_RECEIVED):
            watermark = work.watermarks[self._topics[name]]
            if watermark is None:
                continue
            yield due_range(name, watermark)
            for source in feeds.sources(name):
                through = feeds.through(source, name, watermark)
                if through is not None:
                    yield silent_range(source, name, min(through, watermark))

    def _merge(self, work: Work, facts: CaseFacts, arrived: Sequence[tuple[Any, dict[str, Any]]], *, closings: bool) -> bool:
        changed = False
        for record, event in arrived:
            try:
                changed |= facts.add_closing(event) if closings else facts.add_archive(event)
            except TooManyEvents as error:
                detail = f"一件的归档事件已有 {error} 条 archive events of this one case, of which no more are taken"
                self._dead_letter(work, record, InvalidRecord("TOO_MANY_EVENTS", detail))
        return changed

    def _settle(self, work: Work, key: bytes, facts: CaseFacts, before: State | None) -> None:
        """Judge a case; if its state is another than before, store it and tell."""
        closings_read_ms = work.watermarks[self._topics[CASE_CLOSED]]
        archives_read_ms = work.watermarks[self._topics[ARCHIVE_RECEIVED]]
        # A watermark may be younger than the unit of work it came into.
        now_ms = max(work.now_ms, closings_read_ms or 0, archives_read_ms or 0)
        moment = Moment(now_ms, closings_read_ms, archives_read_ms)
        state = self.judge.judge(key.decode(), facts, moment, before)
        state["open_anomalies"] = sorted(findings(state))
        state["facts"] = facts.dump()
        if state == before:
            return
        value = self._states.encode(state)
        self._known_terms[value] = state_terms(state)
        work.put(CASES, key, value)
        self.tally.verdicts += 1
        self._fold.add(before, state)
        for told in publications(before, state, facts.version(), self.judge.policy, moment):
            work.emit(self._topics[ANOMALY_UNARCHIVED], key, self._anomalies.encode(told.record), anomaly_headers(told, self._topics))
            kind_and_state = (told.record["kind"], told.record["state"])
            self.tally.published[kind_and_state] = self.tally.published.get(kind_and_state, 0) + 1

    def _dead_letter(self, work: Work, record: Any, error: InvalidRecord) -> None:
        work.emit(self._topics[DEAD_LETTER], record.key, record.value, dead_letter_headers(record, error))
        self.tally.dead_letters[error.reason] = self.tally.dead_letters.get(error.reason, 0) + 1
