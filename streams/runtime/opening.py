"""Taking a partition over: fence, read where it stands, read the state back. Blocking; runs in the partition's lane.

The order is the point. Only after ``init_transactions`` can nobody else add to the changelog, so only then are its end and the
committed offsets final; and both belong to the same last transaction.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from streams.errors import EngineError, ForeignState, RecoveryError
from streams.runtime import index
from streams.runtime.clients import consumer_config, extent, refusal
from streams.runtime.job import Job
from streams.runtime.progress import Progress, committed
from streams.runtime.settings import EngineSettings
from streams.runtime.state import Changes, Identity, Store
from streams.runtime.stats import EngineStats
from streams.runtime.transaction import Committer

logger = logging.getLogger(__name__)

_CHUNK = 5_000
_WAIT_S = 0.1
_LOG_EVERY_S = 5.0


class Abandoned(Exception):
    """Raised inside an opening whose partition was revoked; no error: the partition went elsewhere meanwhile."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A partition that is this worker's: no one else can write to it, and its state is complete.

    Parameters
    ----------
    offsets
        Input topic to the next offset to read.
    progress
        Input topic to what was committed last.
    """

    committer: Committer
    store: Store
    offsets: Mapping[str, int]
    progress: Mapping[str, Progress]


@dataclass(slots=True)
class Opening:
    """What it takes to open one partition.

    Parameters
    ----------
    incarnations
        Changelog topic to topic id.
    abandoned
        Set when the partition was revoked; the opening then ends early with :class:`Abandoned`.
    opened
        What :meth:`run` has opened and :meth:`close` has not let go of.
    """

    settings: EngineSettings
    job: Job
    partition: int
    incarnations: Mapping[str, str]
    stats: EngineStats
    abandoned: threading.Event
    opened: Opened | None = None

    def run(self) -> Opened:
        """Open the partition.

        Raises
        ------
        RecoveryError
            The state could not be read back whole, or the inputs no longer reach back to the committed offsets.
        ForeignState
            It was committed under another identity of the job.
        """
        if self.abandoned.is_set():
            # Whoever has the partition by now must not be fenced.
            raise Abandoned
        with _kafka_errors(self.partition):
            committer = Committer(self.settings, self.job.name, self.partition)
            committer.init(self.job.inputs[0])
            # Where a log ends is told by a fetch that finds nothing more: it need not wait for it.
            hasty = {**consumer_config(self.settings.kafka, self.job.name), "fetch.wait.max.ms": 10}
            with closing(Consumer(hasty)) as consumer:
                offsets, progress = self._inputs(consumer)
                store = Store(self._directory(), Identity(self.incarnations, self.job.fingerprint))
                try:
                    self._recover(consumer, store, [topic for topic, at in progress.items() if at.offset is None])
                except BaseException:
                    store.close()
                    raise
                finally:
                    self.stats.recovering.pop(self.partition, None)
        self.opened = Opened(committer, store, offsets, progress)
        return self.opened

    def close(self) -> None:
        """Let go of what was opened: in the lane, behind :meth:`run` and every commit, before the next owner opens it."""
        if self.opened is not None:
            opened, self.opened = self.opened, None
            try:
                opened.store.close()
            finally:
                opened.committer.close()

    def _directory(self) -> Any:
        return self.settings.directory / f"{self.job.name}-{self.partition}"

    def _inputs(self, consumer: Consumer) -> tuple[dict[str, int], dict[str, Progress]]:
        found = committed(consumer, [(topic, self.partition) for topic in self.job.inputs], self.settings.request_timeout_s)
        offsets: dict[str, int] = {}
        if foreign := {at.identity for at in found.values() if at.identity} - {self.job.identity}:
            raise ForeignState(f"partition {self.partition} was committed under {', '.join(sorted(foreign))}, not {self.job.identity}")
        for topic in self.job.inputs:
            first, end = extent(consumer, topic, self.partition, self.settings.request_timeout_s)
            offset = found[topic, self.partition].offset
            if offset is not None and not first <= offset <= end:
                raise RecoveryError(
                    f"{topic}/{self.partition}: the next offset to do is {offset}, but the broker has {first} to {end}: "
                    "records were deleted before they were read, or the topic was created anew. Set retention.ms=-1 on "
                    f"inputs; to accept the loss, reset the offsets of group {self.job.name}"
                )
            offsets[topic] = first if offset is None else offset
        return offsets, {topic: found[topic, self.partition] for topic in self.job.inputs}

    def _recover(self, consumer: Consumer, store: Store, forgotten: Sequence[str]) -> None:
        ends = self._changelog_ends()
        if forgotten and any(ends.values()):
            logger.warning(
                "partition %d: there is state, but no committed offset of %s: read again from the beginning. Offsets of a group "
                "without members expire (offsets.retention.minutes)",
                self.partition,
                ", ".join(forgotten),
            )
        for table, changelog in self.job.tables.items():
            first, _ = extent(consumer, changelog, self.partition, self.settings.request_timeout_s)
            start = store.position(changelog) or 0
            if not first <= start <= ends[changelog]:
                raise RecoveryError(
                    f"{changelog}/{self.partition}: reading must begin at {start}, but the broker has {first} to "
                    f"{ends[changelog]}: records are missing. A changelog needs cleanup.policy=compact; if its log was cut "
                    f"short, delete {self._directory()}"
                )
            self._read(consumer, store, table, start=start, end=ends[changelog])

    def _changelog_ends(self) -> dict[str, int]:
        # The end counts open transactions too. There are none of ours after the fence; anyone else's would be a stranger
        # writing to our changelog, and reading would rightly stand still in front of it.
        # An administrative client is not asked: beside other clients that are being made it was seen to take 3 s for its first answer.
        timeout_s = self.settings.request_timeout_s
        uncommitted = {**consumer_config(self.settings.kafka, self.job.name), "isolation.level": "read_uncommitted"}
        with closing(Consumer(uncommitted)) as consumer:
            return {changelog: extent(consumer, changelog, self.partition, timeout_s)[1] for changelog in self.job.tables.values()}

    def _read(self, consumer: Consumer, store: Store, table: str, *, start: int, end: int) -> None:
        if start == end:
            return
        changelog = self.job.tables[table]
        consumer.assign([TopicPartition(changelog, self.partition, start)])
        position, done, began = start, 0, time.monotonic()
        moved = logged = began
        while position < end:
            if self.abandoned.is_set():
                raise Abandoned
            records, reached = _split(consumer.consume(min(_CHUNK, end - position), _WAIT_S), position, end)
            now = time.monotonic()
            if reached == position and now - moved > self.settings.stall_s:
                raise RecoveryError(f"{changelog}/{self.partition}: stands still at {position} of {end}")
            if reached > position:
                moved, position = now, reached
                store.write(self._changes(store, table, records, {changelog: position}))
                done += len(records)
                self.stats.recovered_records += len(records)
                self.stats.recovering[self.partition] = (position - start, end - start)
            if now - logged > _LOG_EVERY_S:
                logged = now
                logger.info("%s/%d: recovering, at %d of %d", changelog, self.partition, position, end)
        consumer.unassign()
        logger.info(
            "%s/%d: recovered %d to %d, %d keys in %.1f s",
            changelog,
            self.partition,
            start,
            end,
            done,
            time.monotonic() - began,
        )

    def _changes(self, store: Store, table: str, records: Mapping[bytes, bytes | None], positions: Mapping[str, int]) -> Changes:
        keys, restored = list(records), self.job.restored
        entries = {key: None if record is None else index.entry(*restored(table, key, record)) for key, record in records.items()}
        removed = _positions(zip(keys, store.get_many(table, keys), strict=True))
        added = _positions(entries.items())
        return Changes({table: entries}, added - removed, removed - added, positions)


def _positions(entries: Iterable[tuple[bytes, bytes | None]]) -> set[bytes]:
    return {position for key, kept in entries if kept is not None for position in index.positions_of(kept, key)}


def _split(messages: list[Any], position: int, end: int) -> tuple[dict[bytes, bytes | None], int]:
    """Records below ``end``, and how far they reach.

    What lies behind it is the work of an owner who has fenced us meanwhile. Of each changelog one would take in another stretch of it, and
    buckets would no longer be those of the states.
    """
    records: dict[bytes, bytes | None] = {}
    for message in messages:
        error = message.error()
        if error is None:
            if message.offset() >= end:
                return records, end
            records[message.key()] = message.value()
            position = message.offset() + 1
        elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's name for it
            position = min(max(position, message.offset()), end)
        elif not error.retriable():
            raise KafkaException(error)
    return records, position


@contextmanager
def _kafka_errors(partition: int) -> Iterator[None]:
    try:
        yield
    except KafkaException as exc:
        if refused := refusal(f"分区 partition {partition}", exc):
            raise refused from exc
        error = exc.args[0]
        raise RecoveryError(f"partition {partition}: {error.name()}: {error.str()}") from exc
    except EngineError as exc:
        raise type(exc)(f"partition {partition}: {exc}") from exc
