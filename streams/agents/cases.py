"""The job of matching: closings and archives in; case states, item states, findings and coverage counts out.

It decodes, calls the domain and hands on outcomes; the rules are in ``streams.domain``, delivery is in ``streams.runtime``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from streams.agents.breaker import Breaker
from streams.agents.coverage import CoverageFold
from streams.agents.intake import Intake, key_name
from streams.agents.items import ItemDesk
from streams.agents.outcomes import Letter, letter_of
from streams.agents.publishing import Publisher
from streams.agents.reference import REJECTED
from streams.agents.tables import CASE_TABLE, TABLES
from streams.agents.terms import CASES, ITEMS, due_span, item_due_span, review_span, silent_span, wake_ms
from streams.contracts import ARCHIVE_RECEIVED, CASE_CLOSED, DEAD_LETTER, ITEM_USE
from streams.domain.assess import Assessor
from streams.domain.facts import CaseFacts, TooManyEvents
from streams.domain.findings import Cause, mark_backfill, publications
from streams.domain.time import day_of
from streams.domain.verdict import Moment, State
from streams.errors import InvalidRecord
from streams.partitioner import PARTITIONERS
from streams.runtime.batch import RecordBatch
from streams.runtime.job import Work
from streams.runtime.revisit import Span

RULES_VERSION = 7
"""Goes up when the rules, the index terms or what the store holds change: every case and item is then judged again at the next start."""


@dataclass(slots=True)
class Tally:
    """What the job has done since the process started; for the metrics.

    Parameters
    ----------
    verdicts
        By status.
    dead_letters
        By reason.
    """

    verdicts: dict[str, int] = field(default_factory=dict)
    dead_letters: dict[str, int] = field(default_factory=dict)


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
    rejected
        Dead letters of reference records that could not be taken in, by the records' places.
    breaker
        Ends the worker when most events are refused.
    """

    revisited = (CASES, ITEMS)

    def __init__(
        self,
        *,
        name: str,
        topic_prefix: str,
        partitions: int,
        partitioner: str,
        assessor: Assessor,
        rejected: Mapping[bytes, Letter],
        breaker: Breaker,
    ) -> None:
        self.name = name
        self.tally = Tally()
        self._assessor, self._rejected, self._breaker = assessor, rejected, breaker
        self._closed, self._received, self._used = (topic_prefix + topic for topic in (CASE_CLOSED, ARCHIVE_RECEIVED, ITEM_USE))
        self._dead = topic_prefix + DEAD_LETTER
        self.publisher = Publisher(topic_prefix)
        self.joined = (self._closed, self._received)
        self.inputs = (*self.joined, self._used)
        self.outputs = (*self.publisher.topics, self._dead)
        self.tables: Mapping[str, str] = {name: topic_prefix + table.topic for name, table in TABLES.items()}
        schemas = ".".join(str(table.schema_id) for table in TABLES.values())
        self.fingerprint = f"{RULES_VERSION}-{schemas}-{assessor.policy.fingerprint}-{assessor.calendar.fingerprint}"
        self.identity = key_name(assessor.digest)
        self._intakes = {self._closed: Intake(CASE_CLOSED, assessor.digest), self._received: Intake(ARCHIVE_RECEIVED, assessor.digest)}
        partition_of = PARTITIONERS[partitioner]
        self._home: Callable[[bytes], int] = lambda key: partition_of(key, partitions)
        self._fold = CoverageFold()
        self._desk = ItemDesk(
            reference=assessor.reference, policy=assessor.policy, publisher=self.publisher, use_topic=self._used, home=self._home
        )

    def restored(self, table: str, key: bytes, record: bytes) -> tuple[bytes, Sequence[bytes]]:
        """What was put with a record of a changelog."""
        del key
        return TABLES[table].restored(record)

    def process(self, work: Work, batches: Sequence[RecordBatch]) -> None:
        """Take in what other partitions tell of items, and merge events into their cases, each of which is judged once."""
        events = [batch for batch in batches if batch.topic != self._used]
        self._desk.take_uses(work, [record for batch in batches if batch.topic == self._used for record in batch.records])
        self._take_events(work, events)
        self._breaker.look(sum(len(batch.records) for batch in events))
        self._flush(work)

    def advance(self, work: Work, limit: int) -> int | None:
        """Judge the cases and items whose time has come, and the cases whose silent source has spoken."""
        for table, low, high in self._due(work):
            found = work.scan(low, high, limit)
            if found:
                self.revisit(work, table, [key for _, key in found])
                limit -= len(found)
            if limit <= 0:
                pending = [wake_ms(term) for _, low, high in self._due(work) for term, _ in work.scan(low, high, 1)]
                return min(pending) - 1 if pending else None
        return None

    def revisit(self, work: Work, table: str, keys: Sequence[bytes]) -> None:
        """Judge cases or items again; or write the dead letters of reference records."""
        if table == ITEMS:
            self._desk.revisit(work, keys)
        elif table == REJECTED:
            for place in keys:
                if self._home(place) == work.partition:
                    self._write_letter(work, self._rejected[place])
        else:
            moment = self._moment(work)
            for key, before in zip(keys, CASE_TABLE.get_many(work, keys), strict=True):
                if before is not None:
                    self._settle(work, key, CaseFacts.load(before["facts"]), moment, before)
            self._flush(work)

    def _take_events(self, work: Work, batches: Iterable[RecordBatch]) -> None:
        by_case: dict[bytes, list[tuple[Any, dict[str, Any]]]] = {}
        for batch in batches:
            intake = self._intakes[batch.topic]
            for record in batch.records:
                try:
                    event = intake.event(record)
                except InvalidRecord as error:
                    self._refuse(work, record, error)
                else:
                    by_case.setdefault(record.key, []).append((record, event))
        keys, moment = list(by_case), self._moment(work)
        for key, before in zip(keys, CASE_TABLE.get_many(work, keys), strict=True):
            arrived = by_case[key]
            if before is None and (home := self._home(key)) != work.partition:
                for record, _ in arrived:
                    detail = f"该办件号属于分区 {home} the key belongs to partition {home} (partitioner of the producer?)"
                    self._refuse(work, record, InvalidRecord("MISROUTED", detail))
                continue
            facts = CaseFacts.load(before["facts"] if before else b"")
            if self._merge(work, facts, arrived):
                self._settle(work, key, facts, moment, before)

    def _merge(self, work: Work, facts: CaseFacts, arrived: Iterable[tuple[Any, dict[str, Any]]]) -> bool:
        changed = False
        for record, event in arrived:
            try:
                changed |= facts.add_closing(event) if record.topic == self._closed else facts.add_archive(event)
            except TooManyEvents as error:
                detail = f"一件的归档事件已有 {error} 条 archive events of this one case, of which no more are taken"
                self._write_letter(work, letter_of(record, InvalidRecord("TOO_MANY_EVENTS", detail)))
        return changed

    def _settle(self, work: Work, key: bytes, facts: CaseFacts, moment: Moment, before: State | None) -> None:
        """Judge a case; if its state is another than before, store it and tell."""
        state = self._assessor.assess(key.decode(), facts, moment, before)
        known_ms = moment.archives_read_ms if moment.archives_read_ms is not None else moment.now_ms
        mark_backfill(before, state, self._assessor.policy, known_ms)
        if state == before:
            return
        CASE_TABLE.put(work, key, state)
        self.tally.verdicts[state["status"]] = self.tally.verdicts.get(state["status"], 0) + 1
        self._fold.add(before, state)
        if state["findings"] or (before and before["findings"]):
            waiver = partial(self._assessor.reference.waivers.basis, day=day_of(moment.now_ms))
            cause = Cause([*self._assessor.basis(facts, state), work.epoch], waiver)
            for told in publications(state["case_no"], before, state, cause):
                self.publisher.tell(work, key, told)

    def _flush(self, work: Work) -> None:
        self._desk.tell_owners(work, self._fold.flush(work))

    def _moment(self, work: Work) -> Moment:
        return Moment(work.now_ms, work.watermarks[self._closed], work.watermarks[self._received])

    def _due(self, work: Work) -> Iterator[Span]:
        """The stretches of the index in which something is due at the watermarks."""
        feeds = self._assessor.reference.feeds
        for name, topic in ((CASE_CLOSED, self._closed), (ARCHIVE_RECEIVED, self._received)):
            watermark = work.watermarks[topic]
            if watermark is None:
                continue
            yield due_span(name, watermark)
            if topic == self._closed:
                yield review_span(watermark)
            for source in feeds.sources(name):
                through = feeds.through(source, name, watermark)
                if through is not None:
                    yield silent_span(source, name, min(through, watermark))
        if (watermark := work.watermarks[self._used]) is not None:
            yield item_due_span(watermark)

    def _refuse(self, work: Work, record: Any, error: InvalidRecord) -> None:
        self._breaker.refused(error.reason)
        self._write_letter(work, letter_of(record, error))

    def _write_letter(self, work: Work, letter: Letter) -> None:
        work.emit(self._dead, letter.key, letter.value, letter.headers)
        self.tally.dead_letters[letter.reason] = self.tally.dead_letters.get(letter.reason, 0) + 1
