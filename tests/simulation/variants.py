"""Known-bad variants: each is one mistake that was made somewhere once, put into the product for as long as a seed runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import count
from typing import Any

from confluent_kafka import KafkaException

from consumers.inserting import Inserter
from consumers.sink import Sink
from streams.agents import coverage, items
from streams.agents.cases import CaseJob
from streams.agents.coverage import CoverageFold
from streams.domain import findings
from streams.domain.findings import Cause, without_marks
from streams.domain.reference import Reference, Waivers
from streams.errors import EngineError, InvalidRecord
from streams.runtime import opening, partition
from streams.runtime.gates import End, Gates, Place
from streams.runtime.partition import PartitionTask
from streams.runtime.transaction import Committer, Transaction
from streams.runtime.unit import Unit
from streams.runtime.watermark import Watermark
from tests.simulation.wiring import replaced
from tests.simulation.worker import Injected, SimJob

Variant = Callable[[], AbstractContextManager[None]]

_commit, _produce, _init = Committer.commit, Committer._produce, Committer.__init__
_process, _note_done = CaseJob.process, PartitionTask._note_done
_answered, _flush = Gates.answered, CoverageFold.flush


def commit_before_effects() -> AbstractContextManager[None]:
    """Offsets first, then what was made of the records."""

    def commit(self: Committer, transaction: Transaction) -> dict[str, int]:
        _commit(self, Transaction({}, (), transaction.offsets))
        return _commit(self, Transaction(transaction.changelogs, transaction.outputs, {}))

    return replaced((Committer, "commit", commit))


def effects_before_commit() -> AbstractContextManager[None]:
    """What was made of the records first, then the offsets: at least once is not once."""

    def commit(self: Committer, transaction: Transaction) -> dict[str, int]:
        positions = _commit(self, Transaction(transaction.changelogs, transaction.outputs, {}))
        _commit(self, Transaction({}, (), transaction.offsets))
        return positions

    return replaced((Committer, "commit", commit))


def commit_on_exception() -> AbstractContextManager[None]:
    """What the job raised is swallowed, and the offsets move on."""

    def process(self: SimJob, work: Any, batches: Any) -> None:
        try:
            self.upset()
            _process(self, work, batches)
            self.upset()
        except Injected:
            return

    return replaced((SimJob, "process", process))


def failed_publish_acknowledged() -> AbstractContextManager[None]:
    """A record that could not be produced is a line in the log."""

    def produce(self: Committer, *args: Any, **options: Any) -> None:
        try:
            _produce(self, *args, **options)
        except KafkaException:
            return

    return replaced((Committer, "_produce", produce))


def commit_in_doubt_repeated() -> AbstractContextManager[None]:
    """An answer that was lost counts as a refusal, and the same goes out again."""

    def commit(self: Committer, transaction: Transaction) -> dict[str, int]:
        try:
            return _commit(self, transaction)
        except EngineError:
            return _commit(self, transaction)

    return replaced((Committer, "commit", commit))


def token_used_again() -> AbstractContextManager[None]:
    """The deduplication token names where a block begins, and not where it ends."""

    def insert_once(self: Inserter, batch: Any) -> None:
        for block in batch.blocks():
            begin = {"insert_deduplication_token": f"{block.table}-{block.messages[0].partition()}-{block.messages[0].offset()}"}
            file = block.format.file(block.rows)
            self._client.raw_insert(block.table, block.format.columns, file, settings=begin, fmt="Avro")

    return replaced((Inserter, "_insert_once", insert_once))


def sink_commits_first() -> AbstractContextManager[None]:
    """The sink commits what it has read, and then inserts it."""

    def insert(self: Sink, *, patient: bool = True) -> None:
        self.inserted.update(self.batch.positions)
        self.commit()
        _insert(self, patient=patient)

    _insert = Sink.insert
    return replaced((Sink, "insert", insert))


def increments() -> AbstractContextManager[None]:
    """Buckets carry what has changed, not what is."""

    class Forgetful:
        def __init__(self, work: Any) -> None:
            self.partition, self.put = work.partition, work.put

        def get_many(self, _table: str, keys: list[bytes]) -> list[None]:
            return [None] * len(keys)

    def apply_anyway(record: Any, part: int, bucket: Any, counts: Mapping[str, int]) -> Any:
        try:
            return _apply(record, part, bucket, counts)
        except ValueError:
            return _apply(record, part, bucket, {})

    _apply = coverage.apply
    return replaced((CoverageFold, "flush", lambda self, work: _flush(self, Forgetful(work))), (coverage, "apply", apply_anyway))


def zombie_accepted() -> AbstractContextManager[None]:
    """Every owner has a transactional id of its own, so nobody is ever fenced."""
    numbers = count()

    def init(self: Committer, settings: Any, name: str, number: int) -> None:
        _init(self, settings, f"{name}-{next(numbers)}", number)
        self._partition = number
        self._member.group = name

    return replaced((Committer, "__init__", init))


def store_before_commit() -> AbstractContextManager[None]:
    """The local store is written first: what does not commit stays in it, as buckets that no case gives."""

    def commit_and_store(opened: Any, transaction: Transaction, unit: Any) -> None:
        opened.store.write(unit.changes({}))
        positions = opened.committer.commit(transaction)
        if positions:
            opened.store.write(unit.changes(positions))

    return replaced((partition, "_commit_and_store", commit_and_store))


def dead_letter_for_an_outage() -> AbstractContextManager[None]:
    """Whatever goes wrong with a batch is the sender's fault."""

    def process(self: SimJob, work: Any, batches: Any) -> None:
        try:
            self.upset()
            _process(self, work, batches)
        except Injected:
            for record in (record for batch in batches for record in batch.records):
                self._dead_letter(work, record, InvalidRecord("FAILED", "something went wrong"))

    return replaced((SimJob, "process", process))


def timer_while_lagging() -> AbstractContextManager[None]:
    """Time is what the broker was asked at last, whether that end was read or not."""

    def answered(self: Watermark, asked_ms: int, end: int) -> None:
        del end
        self.value_ms = max(asked_ms, self.value_ms or 0)

    return replaced((Watermark, "answered", answered))


def timer_by_the_clock() -> AbstractContextManager[None]:
    """Deadlines follow the wall, whatever has been read."""

    class Hasty(Unit):
        def __init__(self, **given: Any) -> None:
            super().__init__(**{**given, "watermarks": dict.fromkeys(given["watermarks"], given["now_ms"])})

    return replaced((partition, "Unit", Hasty))


def watermark_ignores_an_input() -> AbstractContextManager[None]:
    """Archives count as read as soon as closings are."""

    def answered(self: Gates, asked_ms: int, ends: Mapping[Place, End]) -> None:
        _answered(self, asked_ms, {place: End(0, 0) if place[0] == "archive-received" else end for place, end in ends.items()})

    return replaced((Gates, "answered", answered))


def watermark_of_stable_ends() -> AbstractContextManager[None]:
    """All is read that can be read; what was acknowledged behind an open transaction is not."""

    def answered(self: Gates, asked_ms: int, ends: Mapping[Place, End]) -> None:
        _answered(self, asked_ms, {place: End(end.stable, end.stable) for place, end in ends.items()})

    return replaced((Gates, "answered", answered))


def watermark_forgotten() -> AbstractContextManager[None]:
    """A new owner begins without the time that was committed."""

    def committed(*args: Any) -> Any:
        return {place: replace(at, read_ms=None, watermark_ms=None) for place, at in _committed(*args).items()}

    _committed = opening.committed
    return replaced((opening, "committed", committed))


def moment_forgotten() -> AbstractContextManager[None]:
    """A new owner judges at what its own clock says, be that before what was judged at last."""

    def committed(*args: Any) -> Any:
        return {place: replace(at, now_ms=None) for place, at in _committed(*args).items()}

    _committed = opening.committed
    return replaced((opening, "committed", committed))


def reference_progress_in_one_piece() -> AbstractContextManager[None]:
    """Nothing of the reference data counts as done before all of it is; a dead letter then goes out again after a crash."""

    def note_done(self: PartitionTask, through: int | None) -> None:
        before = self._reference
        _note_done(self, through)
        if self._revisits.pending:
            self._reference = before

    return replaced((PartitionTask, "_note_done", note_done))


def reference_not_awaited() -> AbstractContextManager[None]:
    """A new owner begins with the reference data it has, though the former one had read further."""

    async def at_once(self: PartitionTask, opened: Any) -> None:
        del self, opened

    return replaced((PartitionTask, "_until_reference_is_read", at_once))


def gate_left_open() -> AbstractContextManager[None]:
    """A partition that somebody else has taken is read on until it is opened again."""
    return replaced((Gates, "close", lambda _self, _partition: None))


def ids_of_content_alone() -> AbstractContextManager[None]:
    """What is told again after something else was told has the id that it had before."""

    def basis(self: Reference, unit_code: str, item_code: str, time_ms: int) -> list[Any]:
        return list(self.basis(unit_code, item_code, time_ms))

    return replaced((Reference, "item_basis", basis), (Waivers, "basis", lambda _self, _id, _day: []), (items, "Cause", _unheard))


def told_again_for_some_fields() -> AbstractContextManager[None]:
    """What is corrected beside unit, item and due date is not told of a finding that stays open."""

    def particulars(state: dict[str, Any], finding: dict[str, Any]) -> list[Any]:
        said = without_marks([finding])
        return [*(state.get(name) for name in ("unit_code", "district_code", "item_code", "due_at")), *said]

    return replaced((findings, "_particulars", particulars))


def _unheard(version: list[Any], *more: Any) -> Cause:
    rows, having, _, policy = version
    return Cause([rows, having, policy], *more)


VARIANTS: Mapping[str, Variant] = {
    each.__name__: each
    for each in (
        commit_before_effects,
        effects_before_commit,
        commit_on_exception,
        failed_publish_acknowledged,
        commit_in_doubt_repeated,
        token_used_again,
        sink_commits_first,
        increments,
        zombie_accepted,
        store_before_commit,
        dead_letter_for_an_outage,
        timer_while_lagging,
        timer_by_the_clock,
        watermark_ignores_an_input,
        watermark_of_stable_ends,
        watermark_forgotten,
        moment_forgotten,
        reference_progress_in_one_piece,
        reference_not_awaited,
        gate_left_open,
        ids_of_content_alone,
        told_again_for_some_fields,
    )
}
