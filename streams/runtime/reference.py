"""Reference data: small topics that every worker reads whole before it starts, and follows.

What a record means is the application's business. It says what the record touches, spans of index terms and single keys; every partition
evaluates those keys again. The touches are kept for as long as the process lives, so that a partition assigned later can
be given those it has not done.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from streams.errors import DependencyError, RecoveryError
from streams.runtime.clients import answered, common, consumer_config, extent, refusal
from streams.runtime.revisit import Touch

logger = logging.getLogger(__name__)

Place = tuple[str, int]
OnRecord = Callable[[Any], Iterable[Touch]]
_CHUNK = 1_000
_WAIT_S = 0.2
_JOIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Touched:
    """What the reference record at ``offset`` of ``place`` touches."""

    place: Place
    offset: int
    touch: Touch

    def is_done(self, done: Mapping[str, tuple[int, ...]]) -> bool:
        """Whether the record lies below the positions ``done``."""
        topic, partition = self.place
        at = done.get(topic, ())
        return partition < len(at) and self.offset < at[partition]


class ReferenceReader:
    """Reads reference topics whole, then follows them in a thread.

    Parameters
    ----------
    kafka
        Connection properties under librdkafka's names.
    name
        Name of the job: the group id the consumer reads under, without ever joining it.
    topics
        Reference topics; may be empty.
    on_record
        Called for each record (a ``confluent_kafka.Message``: methods ``key()``, ``value()``, ``topic()``, ``offset()``,
        ``timestamp()``) in offset order, on the event loop's thread and never while job code runs. Returns what must be evaluated
        again. What it raises ends the process.

    Attributes
    ----------
    incarnation
        Stands for the topics' ids: another one where some topic was made anew, so that positions in it are none in the one that is there.
    """

    def __init__(self, kafka: Mapping[str, str], name: str, topics: Iterable[str], on_record: OnRecord) -> None:
        self._name = name
        self.topics = tuple(topics)
        self.incarnation = ""
        self._kafka = kafka
        self._on_record = on_record
        self._log: list[Touched] = []
        self._positions: dict[Place, int] = {}
        self._consumer: Consumer | None = None
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def positions(self, undone: Mapping[Place, int] | None = None) -> dict[str, tuple[int, ...]]:
        """Return the offset after the last record taken in, per topic and partition; where something is ``undone``, its offset."""
        found: dict[str, list[int]] = {topic: [] for topic in self.topics}
        for place, position in self._positions.items():  # each topic's partitions in their order: it was read in it
            found[place[0]].append((undone or {}).get(place, position))
        return {topic: tuple(at) for topic, at in found.items()}

    def since(self, done: Mapping[str, tuple[int, ...]]) -> list[Touched]:
        """Return what all records at or after the positions ``done`` touch."""
        return [touched for touched in self._log if not touched.is_done(done)]

    def behind(self, wanted: Mapping[str, tuple[int, ...]]) -> list[Place]:
        """Return the places that this process has read less far than ``wanted``; topics that it does not read do not count."""
        at = self.positions()
        return [
            (topic, partition)
            for topic, ends in wanted.items()
            for partition, end in enumerate(ends)
            if partition < len(at.get(topic, ())) and at[topic][partition] < end
        ]

    @property
    def places(self) -> tuple[Place, ...]:
        """What is read."""
        return tuple(self._positions)

    @property
    def taken(self) -> int:
        """How many offsets were taken in, over all places."""
        return sum(self._positions.values())

    def is_short_of(self, ends: Mapping[Place, int]) -> bool:
        """Whether something before these ends was not taken in yet."""
        return any(self._positions[place] < end for place, end in ends.items())

    def ends(self, places: Iterable[Place], timeout_s: float) -> dict[Place, int]:
        """Ask the broker where places end; blocking, from any thread."""
        with closing(Consumer(consumer_config(self._kafka, self._name))) as consumer:
            return {place: extent(consumer, *place, timeout_s)[1] for place in places}

    async def load(self, timeout_s: float) -> None:
        """Read every topic to the end it has now, calling ``on_record`` for each record.

        Raises
        ------
        DependencyError
            A topic does not exist, or the broker does not answer.
        RecoveryError
            Reading stood still for ``timeout_s``, or records at the beginning of a topic are gone.
        """
        if not self.topics:
            return
        began = moved = time.monotonic()
        ends = await asyncio.to_thread(self._assign, timeout_s)
        while left := sum(max(0, end - self._positions[place]) for place, end in ends.items()):
            messages = await asyncio.to_thread(self._poll, min(_CHUNK, left))
            before = dict(self._positions)
            self.take(messages)
            if self._positions != before:
                moved = time.monotonic()
            elif time.monotonic() - moved > timeout_s:
                raise RecoveryError(f"reference data stands still at {self._positions}, the ends are {ends}")
        logger.info("reference data read: %d touches, %.1f s", len(self._log), time.monotonic() - began)

    def follow(
        self, loop: asyncio.AbstractEventLoop, taken: Callable[[list[Touched]], None], failed: Callable[[BaseException], None]
    ) -> None:
        """Go on reading in a thread; ``taken`` gets what new records touch, on the loop, after ``on_record`` saw them.

        No more is read before the loop has taken in what was: what a busy loop has no time for stays with the broker.
        """
        delivered = threading.Event()

        def deliver(messages: list[Any]) -> None:
            try:
                taken(self.take(messages))
            except Exception as exc:  # noqa: BLE001 - nobody is above a callback of the loop
                failed(exc)
            finally:
                delivered.set()

        def run() -> None:
            try:
                while not self._stopped.is_set():
                    if messages := self._poll():
                        delivered.clear()
                        loop.call_soon_threadsafe(deliver, messages)
                        # The loop may wait for this thread to end, or be gone.
                        while not (delivered.wait(_WAIT_S) or self._stopped.is_set() or loop.is_closed()):
                            continue
            except Exception as exc:  # noqa: BLE001 - nobody is above the thread
                if not loop.is_closed():
                    loop.call_soon_threadsafe(failed, exc)

        if self.topics:
            self._thread = threading.Thread(target=run, name="reference", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop following; waits for the poll under way, a fraction of a second."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(_JOIN_S)

    def take(self, messages: Iterable[Any]) -> list[Touched]:
        """Take messages in, on the caller's thread, and return what they touch."""
        touches: list[Touched] = []
        for message in messages:
            place = message.topic(), message.partition()
            error = message.error()
            if error is None:
                touches += [Touched(place, message.offset(), touch) for touch in self._on_record(message)]
                self._positions[place] = message.offset() + 1
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's name for it
                self._positions[place] = max(self._positions[place], message.offset())
            elif not error.retriable():
                failed = KafkaException(error)
                raise refusal(f"参照数据 reference data {place[0]}", failed) or failed
        self._log += touches
        return touches

    def _assign(self, timeout_s: float) -> dict[Place, int]:
        consumer = Consumer(consumer_config(self._kafka, self._name))
        try:
            places = list(_places(consumer, self.topics, timeout_s))
            watermarks = {place: extent(consumer, *place, timeout_s) for place in places}
            self.incarnation = _incarnation(AdminClient(common(self._kafka)), self.topics, timeout_s)
        except KafkaException as exc:
            raise refusal("参照数据 reference data", exc) or DependencyError(f"reference data: {exc.args[0].str()}") from exc
        if lost := ", ".join(f"{topic}/{number} begins at {first}" for (topic, number), (first, _) in watermarks.items() if first > 0):
            # However little is gone: who starts would judge by what is left, and call it everything.
            raise RecoveryError(
                f"参照数据缺了开头 reference data has lost its beginning: {lost}。缺了的不知是什么，按剩下的判会判错，所以不开始。"
                "停下所有 worker，把这些主题删除重建（retention.ms=-1），全部重新发布，再启动；或从备份恢复。"
                " The records before were deleted, and nothing is judged by the rest. With all workers stopped, make these topics anew"
                " (retention.ms=-1), publish all of their data again, and start; or restore a backup."
            )
        self._positions = {place: first for place, (first, _) in watermarks.items()}
        consumer.assign([TopicPartition(*place, first) for place, first in self._positions.items()])
        self._consumer = consumer
        return {place: end for place, (_, end) in watermarks.items()}

    def _poll(self, most: int = _CHUNK, wait_s: float = _WAIT_S) -> list[Any]:
        if self._consumer is None:
            raise RecoveryError("reference data is followed only after it was read")
        messages: list[Any] = self._consumer.consume(most, wait_s)
        return messages


def _places(consumer: Consumer, topics: Iterable[str], timeout_s: float) -> Iterator[Place]:
    for topic in topics:
        described = consumer.list_topics(topic, timeout=timeout_s).topics[topic]
        if described.error is not None:
            raise DependencyError(f"reference topic {topic}: {described.error.str()}")
        yield from ((topic, partition) for partition in sorted(described.partitions))


def _incarnation(admin: Any, topics: Iterable[str], timeout_s: float) -> str:
    answers = admin.describe_topics(TopicCollection(list(topics)), request_timeout=timeout_s)
    ids = sorted(f"{topic} {answered(answer, timeout_s).topic_id}" for topic, answer in answers.items())
    return hashlib.blake2b("\n".join(ids).encode(), digest_size=8).hexdigest()
