"""Whether everything sent so far has gone the whole way: read, judged, committed, and in ClickHouse.

All of it is read off Kafka: a worker commits, with its offsets, through when it has read and done what was due, and
the sink commits an offset when the rows before it are in ClickHouse. So this holds for any number of workers on any
number of machines. ClickHouse is asked for one thing: whether its tables still have that for which the sink committed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer, IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]

from consumers.clickhouse import Client, connect, reaching
from consumers.origins import marks, table_ids
from consumers.positions import Noted, counts, noted
from ops.connect import REACH_SECONDS, Admin
from ops.patience import RESTART_SECONDS, Answer, patiently
from streams.contracts import FEED_HEARTBEAT, INTERNAL, JOB_INPUTS, OUTPUTS, REFERENCE_INPUTS, SUNK
from streams.errors import DependencyError, OperatorError, WaitTimeout
from streams.rights import group_of_sink
from streams.runtime.clients import answered, consumer_config
from streams.runtime.clients import patiently as passing
from streams.runtime.progress import Progress, committed
from streams.settings import Settings

Place = tuple[str, int]
_REQUEST_SECONDS = 15.0
_LEAST_SECONDS = 1.0
_LOOK_SECONDS = 0.25
_TABLES_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Standing:
    """Where everything stands at one moment.

    Parameters
    ----------
    ends
        End offset (last stable) of every partition of inputs, reference topics and outputs, by (topic, partition).
    progress
        What the workers have committed of the inputs.
    sunk
        What the sink has committed of what it reads; 0 where it has committed nothing yet for what is in the tables now.
    """

    ends: Mapping[Place, int]
    progress: Mapping[Place, Progress]
    sunk: Mapping[Place, int]


@dataclass(slots=True)
class Observer:
    """Looks at the broker; connections are kept from one look to the next.

    Parameters
    ----------
    give_up
        Monotonic time at which whoever looks has waited long enough: no question lasts longer.
    """

    settings: Settings
    give_up: float = math.inf
    _admin: Admin = field(init=False)
    _workers: Any = field(init=False)
    _sink: Any = field(init=False)
    _places: list[Place] = field(init=False)
    _store: Client | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._admin = Admin(self.settings)
        self._places = self._find_places()
        self._admin.look_at_groups(self.settings.application, group_of_sink(self.settings))
        # Who looks all the time tells of an outage once, and not many times a second.
        kafka = {**self.settings.kafka_client(), "log_level": 0}
        self._workers = Consumer(consumer_config(kafka, self.settings.application))
        self._sink = Consumer({**kafka, "group.id": group_of_sink(self.settings), "enable.auto.commit": False})

    def ends(self) -> dict[Place, int]:
        """End offsets as a ``read_committed`` reader sees them."""
        return self._ends(IsolationLevel.READ_COMMITTED)

    def written(self) -> dict[Place, int]:
        """End offsets with all that has been written, committed or not yet.

        A commit is answered, and its offsets are seen, before its marker lies in every partition (KIP-98): only these ends are sure
        to lie behind the records of what is known to be committed.
        """
        return self._ends(IsolationLevel.READ_UNCOMMITTED)

    def _ends(self, level: IsolationLevel) -> dict[Place, int]:
        asked: dict[TopicPartition, Any] = dict.fromkeys((TopicPartition(*place) for place in self._places), OffsetSpec.latest())  # type: ignore[no-untyped-call]

        def ask() -> dict[Place, int]:
            seconds = self._seconds()
            answers = self._admin.client.list_offsets(asked, isolation_level=level, request_timeout=seconds)
            return {(at.topic, at.partition): answered(answer, seconds).offset for at, answer in answers.items()}

        try:
            return passing(ask, self._seconds())
        except KafkaException as error:
            raise self._admin.failure(error) from error

    def progress(self) -> dict[Place, Progress]:
        """What the workers have committed of what they read."""
        inputs = set(self._names(JOB_INPUTS))
        try:
            return committed(self._workers, [place for place in self._places if place[0] in inputs], self._seconds())
        except KafkaException as error:
            raise self._admin.failure(error) from error

    def sunk(self, *, sure: bool = False) -> dict[Place, int]:
        """What the sink has committed of what it reads; 0 where that was for another life of the topic, or for rows that are gone.

        Parameters
        ----------
        sure
            Only with ClickHouse's own word that it has those rows. Else nothing speaks against what was committed while it does not answer.

        Raises
        ------
        DependencyError
            Kafka cannot be reached; or (``sure``) ClickHouse does not answer.
        """
        read = set(self._names(SUNK))
        wanted = [TopicPartition(*place) for place in self._places if place[0] in read]
        try:
            found = self._sink.committed(wanted, timeout=self._seconds())
        except KafkaException as error:
            raise self._admin.failure(error) from error
        tables, positions = self._tables(sure=sure)  # after what is committed: a position is there before it
        begins = marks(self.settings, self._admin.client, tables)
        return {(at.topic, at.partition): max(at.offset, 0) if counts(at, begins[at.topic], positions) else 0 for at in found}

    def _tables(self, *, sure: bool) -> tuple[dict[str, str], Noted] | tuple[None, None]:
        """Ids of the tables, and positions; ``None`` while ClickHouse does not answer, unless that must be sure."""
        seconds = int(self._seconds()) if sure else _TABLES_SECONDS
        try:
            with reaching(self.settings):
                self._store = self._store or connect(self.settings, database="default", connect_seconds=seconds, answer_seconds=seconds)
                return table_ids(self.settings, self._store), noted(self.settings, self._store)
        except OperatorError:
            self._store = None
            if sure:
                raise
            return None, None

    def workers(self) -> frozenset[str]:
        """Member ids of the workers' group: a worker that starts again has another."""
        (answer,) = self._admin.client.describe_consumer_groups([self.settings.application], request_timeout=_REQUEST_SECONDS).values()
        try:
            return frozenset(str(member.member_id) for member in answered(answer, _REQUEST_SECONDS).members)
        except KafkaException as error:
            raise self._admin.failure(error) from error

    def standing(self) -> Standing:
        """Look at everything once."""
        progress, sunk = self.progress(), self.sunk()
        return Standing(self.ends(), progress, sunk)

    def _seconds(self, most: float = _REQUEST_SECONDS) -> float:
        return max(min(most, self.give_up - time.monotonic()), _LEAST_SECONDS)

    def _names(self, topics: Iterable[str]) -> list[str]:
        return [self.settings.topic(name) for name in topics]

    def _find_places(self) -> list[Place]:
        there = self._admin.metadata(self._seconds(REACH_SECONDS)).topics
        names = self._names((*JOB_INPUTS, *REFERENCE_INPUTS, *OUTPUTS))
        if missing := [name for name in names if name not in there]:
            raise DependencyError(
                f"缺少主题，或无权看到 missing topics, or no right to see them: {', '.join(missing)}（guidang topics, guidang rights）"
            )
        return [(name, partition) for name in names for partition in there[name].partitions]


def behind_inputs(settings: Settings, ends: Mapping[Place, int], progress: Mapping[Place, Progress], since_ms: int | None) -> list[str]:
    """What is missing until the workers have done all that lies before ``ends``, and all that was due at ``since_ms``; empty: nothing."""
    missing: list[str] = []
    for (topic, partition), at in sorted(progress.items()):
        end = ends[topic, partition]
        if (at.offset or 0) < end:
            missing.append(f"{topic}/{partition}: 读到 read to {at.offset or 0} / {end}")
        elif at.fingerprint is None:
            missing.append(f"{topic}/{partition}: 重新评估未完成 re-evaluation unfinished")
        elif since_ms is not None and (at.watermark_ms is None or at.watermark_ms < since_ms):
            missing.append(f"{topic}/{partition}: 水位未到 watermark {at.watermark_ms} < {since_ms}")
        for name in REFERENCE_INPUTS:
            reference = settings.topic(name)
            done = at.reference.get(reference, ())
            for number, position in enumerate(done):
                if position < ends[reference, number]:
                    missing.append(f"{topic}/{partition}: 参照数据 {reference} {position} / {ends[reference, number]}")
            if not done and ends[reference, 0]:
                missing.append(f"{topic}/{partition}: 参照数据 {reference} 未读 unread")
    return missing


def behind_sink(ends: Mapping[Place, int], sunk: Mapping[Place, int]) -> list[str]:
    """What is missing until the sink has put everything before ``ends`` into ClickHouse; empty: nothing."""
    return [f"{place[0]}/{place[1]}: sink {at} / {ends[place]}" for place, at in sorted(sunk.items()) if at < ends[place]]


def wait_caught_up(settings: Settings, timeout_s: float, tell: Callable[[int, list[str]], None] = lambda _step, _missing: None) -> None:
    """Return once everything sent before the call has gone the whole way.

    Parameters
    ----------
    tell
        Called at every look with the step and what is missing: 1, workers; 2, what partitions told each other and sources claimed; 3, sink.

    Raises
    ------
    WaitTimeout
        It did not come about in ``timeout_s``; the message names what is missing.
    DependencyError
        Kafka cannot be reached, or at the end ClickHouse.
    """
    since_ms = settings.make_clock().now_ms()
    broker = _Patient(settings, time.monotonic() + timeout_s)

    def until(step: int, look: Callable[[Observer], list[str]]) -> None:
        while missing := broker.ask(look):
            tell(step, missing)
            if time.monotonic() > broker.give_up:
                shown = "\n  ".join(missing[:8])
                raise WaitTimeout(f"{timeout_s:g} 秒内没有追平 not caught up in time:\n  {shown}")
            time.sleep(_LOOK_SECONDS)

    ends = broker.ask(Observer.written)
    until(1, lambda observer: behind_inputs(settings, ends, observer.progress(), since_ms))
    internal, heartbeats = {settings.topic(name) for name in INTERNAL}, settings.topic(FEED_HEARTBEAT)
    told = ends | {place: end for place, end in broker.ask(Observer.written).items() if place[0] in internal}
    # A claim of a source is used from the moment on at which a worker read it, which may lie after the call.
    heard_ms = settings.make_clock().now_ms() if any(ends[place] for place in ends if place[0] == heartbeats) else since_ms
    until(2, lambda observer: behind_inputs(settings, told, observer.progress(), heard_ms))
    output_ends = broker.ask(Observer.written)
    until(3, lambda observer: behind_sink(output_ends, observer.sunk(sure=True)))


class _Patient:
    """Asks with one observer for as long as it serves; a broker that was away may be at another port."""

    def __init__(self, settings: Settings, give_up: float) -> None:
        self._settings, self.give_up = settings, give_up
        self._observer: Observer | None = None

    def ask(self, question: Callable[[Observer], Answer]) -> Answer:
        def asked() -> Answer:
            try:
                self._observer = self._observer or Observer(self._settings, self.give_up)
                return question(self._observer)
            except DependencyError:
                self._observer = None
                raise

        return patiently(asked, RESTART_SECONDS, until=self.give_up)
