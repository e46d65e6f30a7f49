"""The task that owns one partition: takes batches up, runs the job, commits, and remembers how far it has come.

States: *opening* (the lane fences and recovers), *running*, *suspended* (a rebalance is under way: nothing new is begun) and
*closed*. A partition that comes back in the next assignment keeps its task, state and producer, unless it was fenced meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streams.errors import EngineError, Fenced
from streams.runtime.backlog import Backlog
from streams.runtime.batch import RecordBatch, check_follows
from streams.runtime.opening import Abandoned, Opened, Opening
from streams.runtime.progress import Progress, encode
from streams.runtime.reference import Touched
from streams.runtime.revisit import Revisits
from streams.runtime.transaction import Transaction
from streams.runtime.unit import Unit

if TYPE_CHECKING:
    from streams.runtime.engine import Engine
    from streams.runtime.lane import Lane

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Standing:
    """What was committed last, and when."""

    offsets: dict[str, int]
    metadata: dict[str, str]
    at: float


class PartitionTask:
    """Owner of one partition number, over all inputs.

    Parameters
    ----------
    engine
        Gives the job, the settings, the clock, the gates and the reference data, and is told of failure.
    partition
        Partition number.
    lane
        Where blocking calls run; shared with former and later owners of the same number in this process.
    generation
        Assignment under which the task was made.
    """

    def __init__(self, engine: Engine, partition: int, lane: Lane, generation: int) -> None:
        self.partition = partition
        self.generation = generation
        self.units = 0
        self.lost = False
        self.running = False
        self._engine = engine
        self._lane = lane
        self._suspended = False
        self._abandoned = threading.Event()
        self._wake = asyncio.Event()
        self._backlog = Backlog()
        self._held_since = 0.0
        self._more = True
        self._received: dict[str, int] = {}
        self._offsets: dict[str, int] = {}
        self._watermarks: dict[str, int | None] = dict.fromkeys(engine.job.inputs)
        self._now_ms = 0
        self._done_ms: int | None = None
        self._revisits = Revisits()
        self._reference: Mapping[str, tuple[int, ...]] = {}
        self._seen: Mapping[str, tuple[int, ...]] = {}
        self._fingerprint: str | None = None
        self._epoch = 0
        self._opening = Opening(engine.settings, engine.job, partition, engine.incarnations, engine.stats, self._abandoned)
        self._opened: Opened | None = None
        self._standing = _Standing({}, {}, 0.0)
        self._task = asyncio.create_task(self._run(), name=f"{engine.job.name}-{partition}")

    # What the engine calls, on the event loop.

    def hand_over(self, batch: RecordBatch) -> None:
        """Queue a batch; one of another assignment is dropped.

        Raises
        ------
        BatchGap
            It does not begin where the last one ended.
        """
        if batch.generation != self.generation or not self.running:
            return
        check_follows(batch, self._received[batch.topic])
        self._received[batch.topic] = batch.end
        if not self._backlog:
            self._held_since = time.monotonic()
        self._backlog.add(batch)
        self._wake.set()

    def suspend(self) -> None:
        """Begin nothing new until :meth:`resume` or :meth:`close`."""
        self._suspended = True

    def resume(self, generation: int) -> None:
        """Go on under a new assignment: what is queued stays, reading goes on after it."""
        self.generation = generation
        self._suspended = False
        self._held_since = -math.inf  # its gates begin anew, and know nothing of the times of what is held
        self._wake.set()
        if self.running:
            self._engine.open_gates(self.partition, generation, self._received)

    def close(self) -> None:
        """Give the partition up and wait for nothing; the lane closes the store behind a commit under way."""
        self._abandoned.set()
        self.running = False
        self._backlog.clear()
        if self._opened is not None:
            # A task that is still opening ends by itself.
            self._task.cancel()
            self._opened = None
        # Before whatever the next owner does in the lane, and behind an opening that is under way there.
        self._lane.post(self._opening.close)
        self._engine.stats.watermark_ms.pop(self.partition, None)

    def touched(self, touches: Iterable[Touched]) -> None:
        """Revisit what these name; a task that is opening hears that there is news, and asks for all of them later."""
        if self.running:
            self._revisit(touches)
            self._more = True
        self._wake.set()

    @property
    def committed(self) -> Mapping[str, int]:
        """Input topic to the next offset to do, as it was committed last; empty while the partition is being opened."""
        return self._standing.offsets

    def lag(self, ends: Callable[[tuple[str, int]], int | None]) -> dict[tuple[str, int], int]:
        """Return, per input, the records between what is committed and the end last seen."""
        found = {}
        for topic, offset in self._standing.offsets.items():
            end = ends((topic, self.partition))
            if end is not None:
                found[topic, self.partition] = max(0, end - offset)
        return found

    @property
    def busy(self) -> bool:
        """Whether there is something to do besides waiting for records."""
        return not self.running or bool(self._backlog) or self._revisits.pending

    async def ended(self) -> None:
        """Wait, after :meth:`close`, until the last call in the lane is over: a commit, an opening, the store's closing."""
        await asyncio.wait((self._task,))
        await self._lane.call(lambda: None)

    # The task.

    async def _run(self) -> None:
        try:
            await self._open()
            while True:
                await self._next_work()
                await self._one_unit()
        except asyncio.CancelledError:
            raise
        except Abandoned:
            return
        except Fenced as exc:
            self._was_fenced(exc)
        except Exception as exc:  # noqa: BLE001 - whatever it is, nothing more may be committed by this process
            if self._abandoned.is_set():
                logger.info("partition %d was given up while it opened: %s", self.partition, exc)
            else:
                self._engine.fail(exc)

    def _was_fenced(self, exc: Fenced) -> None:
        self.lost, self.running = True, False
        self._engine.stats.fenced += 1
        if self._abandoned.is_set() or self._suspended:
            logger.info("partition %d was taken over by its next owner", self.partition)
        else:
            self._engine.fenced(self, exc)

    async def _open(self) -> None:
        engine = self._engine
        began = time.monotonic()
        opened = await self._lane.call(self._opening.run)
        if self._abandoned.is_set():
            raise Abandoned
        self._opened = opened
        await self._until_reference_is_read(opened)
        self._take_progress(opened)
        self.running = True
        logger.info("partition %d open after %.1f s, at %s", self.partition, time.monotonic() - began, self._offsets)
        if not self._suspended:
            engine.open_gates(self.partition, self.generation, self._received)

    async def _until_reference_is_read(self, opened: Opened) -> None:
        """Wait until this process has read the reference topics as far as the former owner had when it committed last.

        Each process follows them at its own pace. Judged by older data, what was resolved would open again, and positions that say what is
        done would go back. What was committed of topics that were made anew since says nothing of these. A topic that ends below what was
        committed has lost its end, and is not waited for beyond that.
        """
        reference = self._engine.reference
        if self._is_anew(opened.progress.values()):
            return
        wanted = next((at.seen for at in opened.progress.values() if at.seen), None) or _agreed(opened.progress.values())
        if places := reference.behind(wanted):
            ends = await self._lane.call(reference.ends, places, self._engine.settings.request_timeout_s)
            wanted = {topic: tuple(min(at, ends.get((topic, p), at)) for p, at in enumerate(ats)) for topic, ats in wanted.items()}
        while reference.behind(wanted):
            self._wake.clear()
            await self._wake.wait()

    def _take_progress(self, opened: Opened) -> None:
        engine, job = self._engine, self._engine.job
        self._offsets = dict(opened.offsets)
        self._received = dict(opened.offsets)
        self._watermarks = {topic: at.read_ms for topic, at in opened.progress.items()}
        progress = list(opened.progress.values())
        self._now_ms = max(at.now_ms or 0 for at in progress)
        self._standing = _Standing(
            {topic: at.offset for topic, at in opened.progress.items() if at.offset is not None},
            {topic: encode(at) for topic, at in opened.progress.items()},
            time.monotonic(),
        )
        known = [at.watermark_ms for at in progress if at.watermark_ms is not None]
        self._done_ms = min(known) if len(known) == len(progress) else None
        anew = self._is_anew(progress)
        same = {at.fingerprint for at in progress} == {job.fingerprint}
        self._epoch = max(at.epoch for at in progress) + (bool(self._standing.offsets) and not same)
        if same and not anew:
            self._fingerprint = job.fingerprint
        else:
            self._revisits = Revisits(everything=job.revisited)
        self._reference = {} if anew else _agreed(progress)
        self._revisit(engine.reference.since(self._reference))

    def _is_anew(self, progress: Iterable[Progress]) -> bool:
        """Whether a reference topic was made anew since: rows that are gone touch keys, too, and no position in it says which were done."""
        return not {at.incarnation for at in progress if at.reference or at.seen} <= {self._engine.reference.incarnation}

    def _revisit(self, touches: Iterable[Touched]) -> None:
        for each in touches:
            self._revisits.add([each.touch], each.place, each.offset)

    async def _next_work(self) -> None:
        while self._suspended or not (self._more or self._revisits.pending or self._backlog.ripe(self._through_ms())):
            self._wake.clear()
            held = bool(self._backlog) and not self._suspended
            # Not wait_for: until Python 3.12 it loses a cancellation that comes right behind what is waited for.
            with suppress(TimeoutError):
                async with asyncio.timeout(self._engine.settings.turn_s if held else None):
                    await self._wake.wait()
        self._more = False

    def _through_ms(self) -> float:
        """Up to what time of records the backlog is to be taken up.

        Order saves work, and is worth a wait, but not for ever: what is behind may be behind because its broker is slow.
        """
        if time.monotonic() - self._held_since > self._engine.settings.turn_s:
            return math.inf
        return self._engine.gates.through_ms(self.partition)

    async def _one_unit(self) -> None:
        engine, opened = self._engine, self._opened
        if opened is None:
            raise Abandoned
        job, settings = engine.job, engine.settings
        self._now_ms = max(self._now_ms, engine.clock.now_ms())
        unit = Unit(
            store=opened.store,
            tables=tuple(job.tables),
            partition=self.partition,
            now_ms=self._now_ms,
            epoch=self._epoch,
            watermarks=self._watermarks,
        )
        taken = self._take_up(unit)
        if with_records := [batch for batch in taken if batch.records]:
            job.process(unit, with_records)
        await asyncio.sleep(0)
        through = job.advance(unit, settings.advance_limit)
        for table, keys in self._revisits.take(unit, settings.revisit_limit):
            job.revisit(unit, table, keys)
            engine.stats.revisited_keys += len(keys)
        self._note_done(through)
        await self._commit(unit, opened)
        engine.stats.batches += len(taken)
        self.units += 1
        self._more |= through is not None
        await asyncio.sleep(0)

    def _take_up(self, unit: Unit) -> list[RecordBatch]:
        engine, settings = self._engine, self._engine.settings
        through_ms = self._through_ms()
        taken: list[RecordBatch] = []
        filled = 0
        while filled < settings.group_records and len(taken) < settings.group_batches and (found := self._backlog.take(through_ms)):
            taken += found
            filled += sum(batch.size for batch in found)
        for batch in taken:
            engine.gates.taken(batch)
            if batch.watermark_ms is not None:
                # What has been read stays read: the watermark of a former owner may be the higher one, if its clock was.
                self._watermarks[batch.topic] = max(batch.watermark_ms, self._watermarks[batch.topic] or 0)
                unit.now_ms = self._now_ms = max(self._now_ms, batch.watermark_ms)
            self._offsets[batch.topic] = batch.end
            engine.stats.records[batch.topic] = engine.stats.records.get(batch.topic, 0) + len(batch.records)
        if any(batch.records and batch.topic in engine.job.joined for batch in taken):
            self._held_since = time.monotonic()
        return taken

    def _note_done(self, through: int | None) -> None:
        known = [at for at in self._watermarks.values() if at is not None]
        if len(known) == len(self._watermarks):
            read = min(known)
            self._done_ms = read if through is None else min(read, through)
        self._seen = self._engine.reference.positions()
        if not self._revisits.all_pending:
            # Record by record: a point that was done, a dead letter say, must not be done again because others still wait.
            self._reference = self._engine.reference.positions(self._revisits.undone)
            self._fingerprint = self._engine.job.fingerprint
        self._engine.stats.watermark_ms[self.partition] = self._done_ms

    async def _commit(self, unit: Unit, opened: Opened) -> None:
        engine = self._engine
        metadata = {
            topic: encode(
                Progress(
                    offset,
                    self._watermarks[topic],
                    self._done_ms,
                    self._reference,
                    self._fingerprint,
                    self._seen,
                    self._now_ms,
                    engine.reference.incarnation,
                    engine.job.identity,
                    self._epoch,
                )
            )
            for topic, offset in self._offsets.items()
        }
        standing = self._standing
        moved = any(standing.offsets.get(topic) != offset for topic, offset in self._offsets.items())
        news = moved or standing.metadata != metadata
        recent = time.monotonic() - standing.at < engine.settings.idle_commit_s
        if unit.empty and (not news or (recent and not moved)):
            return
        while self._suspended:
            await self._wake.wait()
            self._wake.clear()
        if engine.stopping:
            raise Abandoned
        offsets = dict(self._offsets)
        transaction = Transaction(
            {engine.job.tables[table]: puts for table, puts in unit.puts.items()},
            unit.outputs,
            {topic: (offset, metadata[topic]) for topic, offset in offsets.items()},
        )
        began = time.monotonic()
        await self._lane.call(_commit_and_store, opened, transaction, unit)
        ended = time.monotonic()
        self._standing = _Standing(offsets, metadata, ended)
        stats = engine.stats
        stats.commits.observe(ended - began)
        stats.outputs += len(unit.outputs)
        stats.changelog_records += unit.size - len(unit.outputs)
        if unit.empty:
            stats.idle_transactions += 1
        else:
            stats.transactions += 1
            await self._rest(ended - began)

    async def _rest(self, commit_s: float) -> None:
        """Let records gather after a commit that took so long, unless there are plenty.

        A transaction that follows at once is answered by errors until the markers of the last are out, and each is asked again
        (docs/design/engine.md). Partitions that commit every record as it comes keep the broker so busy with that, that all commits
        take ten times as long.
        """
        settings = self._engine.settings
        if not self._revisits.pending and self._backlog.records < settings.plenty_records:
            await asyncio.sleep(min(settings.rest_ratio * commit_s, settings.longest_rest_s))


def _commit_and_store(opened: Opened, transaction: Transaction, unit: Unit) -> None:
    positions = opened.committer.commit(transaction)
    if positions:
        opened.store.write(unit.changes(positions))


def _agreed(progress: Iterable[Progress]) -> dict[str, tuple[int, ...]]:
    """Return the reference positions that the inputs vouch for; they are committed together, so they agree.

    An input without any says nothing about them: its topic was made anew or added, or somebody has set its offset. What the others say
    was committed with the state that is there.
    """
    found = [at.reference for at in progress if at.reference]
    if any(other != found[0] for other in found):
        raise EngineError(f"the inputs of one partition disagree about reference positions: {found}")
    return dict(found[0]) if found else {}
