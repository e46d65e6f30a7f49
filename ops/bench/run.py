"""Runs contenders in turn on one broker, watches each while it works, and checks what it wrote."""

from __future__ import annotations

import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from confluent_kafka import Consumer, KafkaException, TopicPartition

from ops.bench.contender import Contender, Contestant, Launch, Place
from ops.bench.crew import Crew, crew
from ops.bench.dataset import DataSet
from ops.bench.figures import Judged, Sample, judge
from ops.bench.topics import ends, tidy
from ops.bench.traffic import wait_until
from ops.bench.usage import cpu_seconds, folder_bytes, peak_rss_bytes
from ops.kafka import LocalBroker
from streams.clock import wall_ms
from streams.errors import DependencyError, GuidangError

_LOOK_SECONDS = 0.1
_REQUEST_SECONDS = 30
_SETTLE_SECONDS = 60
BROKER: dict[str, str | int] = {"log.cleaner.enable": "false", "log.segment.delete.delay.ms": 1_000}
"""Nothing is compacted while it is measured: what was written is then what is there. What a run leaves is deleted before the next begins,
not a minute into it."""
_GONE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one contender.

    Parameters
    ----------
    judged
        None: too short to judge.
    read, records
        Input records whose offsets were committed, and those there were: fewer means that time ran out.
    outputs, faults, checked
        As :class:`ops.bench.contender.Verified`.
    peak_rss_bytes
        Of all its processes together.
    written_records, written_bytes
        In all topics it wrote to, changelogs and control records included, and what its commits and transactions made the broker write.
    local_bytes
        State and checkpoints on disk at the end.
    """

    round: int
    judged: Judged | None
    read: int
    records: int
    outputs: int
    faults: tuple[str, ...]
    peak_rss_bytes: int
    written_records: int
    written_bytes: int
    local_bytes: int
    checked: bool = True

    @property
    def complete(self) -> bool:
        """All input was read."""
        return self.read >= self.records


class Faulty(Protocol):
    """What a run has to say."""

    @property
    def round(self) -> int:
        """In which it was."""
        ...

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong with the outputs."""
        ...


C = TypeVar("C", bound=Contestant)
R = TypeVar("R", bound=Faulty)


@dataclass(slots=True)
class Record(Generic[C, R]):
    """All that is known of a contender after the rounds.

    Parameters
    ----------
    skipped
        Why it was not run at all; empty: it was.
    failures
        What went wrong in runs that gave no figure.
    """

    contender: C
    skipped: str = ""
    runs: list[R] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """What was wrong with the outputs of runs, and runs that failed."""
        return [*self.failures, *(fault for run in self.runs for fault in run.faults)]


class Arena:
    """A broker with the data set on it.

    Parameters
    ----------
    folder
        For broker, state and logs; grows by what contenders write, which is removed after each run.
    limit_s
        So long a contender may take for its input.
    """

    def __init__(self, broker: LocalBroker, data: DataSet, folder: Path, limit_s: float) -> None:
        self._broker, self._data, self._folder, self._limit_s = broker, data, folder, limit_s

    def run(self, contender: Contender, number: int) -> Run:
        """Let a contender do its job once.

        Raises
        ------
        GuidangError
            It ended by itself, did nothing at all, or the broker does not answer.
        """
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=f"{contender.name}-", ignore_cleanup_errors=True) as folder:
            place = Place(self._broker.bootstrap, f"{self._data.name}-{contender.name}-{uuid.uuid4().hex[:6]}", Path(folder), self._data)
            launch = contender.launch(place)
            internal = self._size(_is_internal)
            try:
                return self._measure(contender, place, launch, number, internal)
            finally:
                tidy(place.bootstrap, place.run)

    def _measure(self, contender: Contender, place: Place, launch: Launch, number: int, internal: tuple[int, int]) -> Run:
        log = place.folder.with_suffix(".log")
        with crew(log, launch.environment, launch.commands) as team:
            samples = self._watch(launch, team)
            read = samples[-1].read
            complete = read >= launch.records
            if complete:
                contender.settle(place, time.monotonic() + _SETTLE_SECONDS)
                samples.append(self._look(team, read))
            memory = peak_rss_bytes(team.pids)
        verified = contender.verify(place, complete=complete)
        written = self._size(lambda name: place.run in name or name in launch.written)
        commits = self._size(_is_internal)
        records, size = (all_ + now - before for all_, now, before in zip(written, commits, internal, strict=True))
        log.unlink()
        return Run(
            number,
            judge(samples, verified.outputs_s, complete=complete),
            read,
            launch.records,
            verified.outputs,
            verified.faults,
            memory,
            records,
            size,
            folder_bytes(place.folder),
            verified.checked,
        )

    def _watch(self, launch: Launch, team: Crew) -> list[Sample]:
        """Look ten times a second until all input is committed, or time runs out."""
        samples: list[Sample] = []
        give_up = time.monotonic() + self._limit_s
        with _committed(self._broker.bootstrap, launch, self._data.partitions) as committed:
            while time.monotonic() < give_up:
                team.check()
                read = committed()
                samples.append(self._look(team, read))
                if read >= launch.records:
                    break
                time.sleep(_LOOK_SECONDS)
        if not samples or not samples[-1].read:
            raise DependencyError(f"{self._limit_s:.0f} 秒内没有提交过 committed nothing:\n{team.last_words()}")
        return samples

    def _look(self, team: Crew, read: int) -> Sample:
        return Sample(wall_ms() / 1000, read, cpu_seconds(team.pids), cpu_seconds([self._broker.pid]))

    def _size(self, chosen: Callable[[str], bool]) -> tuple[int, int]:
        """Records and bytes in the chosen topics; what the broker took is in its files at once."""
        found = ends(self._broker.bootstrap, chosen)
        logs = self._broker.data_dir / "data"
        size = sum(file.stat().st_size for name, number in found for file in (logs / f"{name}-{number}").glob("*.log"))
        return sum(found.values()), size


def _is_internal(topic: str) -> bool:
    """Of those to which the broker writes commits and transactions."""
    return topic in {"__consumer_offsets", "__transaction_state"}


def rest(broker: LocalBroker) -> None:
    """Wait until the files of topics that were deleted are gone, and what is written is on the disk: the next run is not to bear it."""
    wait_until(lambda: not any((broker.data_dir / "data").glob("*-delete")), _GONE_SECONDS)
    os.sync()


def go_through(
    measure: Callable[[C, int], R],
    records: Sequence[Record[C, R]],
    rounds: int,
    tell: Callable[[int, Record[C, R], R | str], None] = lambda _n, _record, _run: None,
    before: Callable[[], None] = lambda: None,
) -> None:
    """Run all contenders in turn, and that several times: what changes on the machine meanwhile meets all of them.

    Each round begins with another one (A B C, B C A, …), so that nobody always follows the same. A round that a contender already has,
    from an earlier sitting, is left out.

    Parameters
    ----------
    measure
        Lets a contender run once in the round of that number.
    tell
        Told of each run, or why there is none.
    before
        Called before each run.
    """
    for number in range(1, rounds + 1):
        first = (number - 1) % max(1, len(records))
        for record in [*records[first:], *records[:first]]:
            if record.skipped or any(run.round == number for run in record.runs):
                continue
            try:
                before()
                run = measure(record.contender, number)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is this run's: the others go on
                reason = str(error) if isinstance(error, GuidangError) else f"{type(error).__name__}: {error}"
                record.failures.append(reason)
                tell(number, record, reason)
            else:
                record.runs.append(run)
                tell(number, record, run)


def warm_up(measure: Callable[[C, int], R], records: Sequence[Record[C, R]]) -> None:
    """Let the first that can run do so once, unjudged: the broker's own code is compiled by it, and not by whoever is measured first."""
    go_through(measure, [Record(record.contender) for record in records if not record.skipped][:1], 1)


def provide(contenders: Sequence[C], tell: Callable[[str], None] = lambda _line: None) -> list[Record[C, Any]]:
    """Fetch and build what contenders need; one that cannot run says why."""
    records = []
    for contender in contenders:
        record: Record[C, Any] = Record(contender)
        try:
            contender.provide()
        except DependencyError as error:
            record.skipped = str(error)
            tell(f"{contender.name}: {error}")
        records.append(record)
    return records


@contextmanager
def _committed(bootstrap: str, launch: Launch, partitions: int) -> Iterator[Callable[[], int]]:
    """Ask how many input records a group has committed: inputs begin at 0 and have no control records, so offsets count records."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": launch.group,
            "enable.auto.commit": False,
            "isolation.level": "read_uncommitted",  # the last that is committed, without waiting for a transaction under way
            "log_level": 3,
        }
    )
    places = [TopicPartition(topic, number) for topic in launch.inputs for number in range(partitions)]
    most = 0

    def ask() -> int:
        nonlocal most
        try:
            most = max(most, sum(max(0, at.offset) for at in consumer.committed(places, timeout=_REQUEST_SECONDS)))
        except KafkaException:  # its coordinator moves while a new group is made; the next look tells
            return most
        return most

    try:
        yield ask
    finally:
        consumer.close()
