"""Reads topics to the end they have now: from their beginning, as those do who explain and reconcile, or from where a look ended before."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import closing
from types import MappingProxyType
from typing import Any

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]  # the package does not mark what it exports

from ops.connect import REACH_SECONDS, Admin
from streams.errors import DependencyError
from streams.runtime.clients import answered, extent, patiently
from streams.settings import Settings

_CHUNK = 10_000
_POLL_SECONDS = 0.05
_STALLED_SECONDS = 30.0
_FROM_THE_BEGINNING: Mapping[int, int] = MappingProxyType({})
_TO_THE_END: Mapping[int, int] = MappingProxyType({})


class TopicReader:
    """Reads topics one after the other, over one connection: to open one takes longer than to read a small topic. Close it.

    Parameters
    ----------
    whole
        Leave out nothing between a position and the end, be it deleted before or while it is read: whoever goes on where he was before
        would never know of it.
    """

    def __init__(self, settings: Settings, *, whole: bool = False) -> None:
        self._settings, self._admin, self._whole = settings, Admin(settings), whole
        self._consumer = Consumer(
            {
                **settings.kafka_client(),
                "group.id": f"{settings.application}-reader",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "auto.offset.reset": "error" if whole else "earliest",
                "fetch.wait.max.ms": 50,  # the end of a partition whose last records are markers is told by an empty answer, after so long
            }
        )

    def read(
        self,
        name: str,
        *,
        partition: int | None = None,
        positions: Mapping[int, int] = _FROM_THE_BEGINNING,
        ends: Mapping[int, int] = _TO_THE_END,
        tell: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> Generator[Any, None, None]:
        """Yield the committed records of a topic (``confluent_kafka.Message``), in order within each partition.

        Parameters
        ----------
        name
            Name in the contract, without prefix.
        partition
            Only this one.
        positions
            Partition to the offset to begin at; without one, or with one that the topic no longer has, at its beginning.
        ends
            Partition to an end that it had before (:meth:`ends`), to read no further; without one, to the end it has now.
        tell
            Called now and then with offsets read and offsets there are.

        Raises
        ------
        DependencyError
            Kafka or the topic is not there, or nothing came for half a minute; or (``whole``) records behind a position are gone.
        """
        topic = self._settings.topic(name)
        there = _partitions(self._admin, topic)
        numbers = sorted(there) if partition is None else [partition]
        try:
            ranges = {number: self._range(topic, number, positions.get(number), ends.get(number)) for number in numbers}
            yield from _read(self._consumer, topic, ranges, tell)
            self._consumer.unassign()
        except KafkaException as error:
            raise self._admin.failure(error, f"{topic} ({self._settings.application}-reader)") from error

    def first(self, name: str, partition: int) -> int:
        """Where a partition of a topic begins: not at 0 once records at its beginning are gone, their retention being over.

        Raises
        ------
        DependencyError
            Kafka or the topic is not there.
        """
        return self._extent(self._settings.topic(name), partition)[0]

    def ends(self, name: str) -> dict[int, int]:
        """The ends that the partitions of a topic have now, for :meth:`read`.

        Raises
        ------
        DependencyError
            Kafka or the topic is not there.
        """
        topic = self._settings.topic(name)
        return {number: self._extent(topic, number)[1] for number in _partitions(self._admin, topic)}

    def written(self, name: str) -> dict[int, int]:
        """The ends of the partitions of a topic behind all that was acknowledged, be it behind a transaction that is still open.

        Raises
        ------
        DependencyError
            Kafka or the topic is not there.
        """
        topic = self._settings.topic(name)
        asked: dict[TopicPartition, Any] = {TopicPartition(topic, p): OffsetSpec.latest() for p in _partitions(self._admin, topic)}  # type: ignore[no-untyped-call]

        def ask() -> dict[int, int]:
            answers = self._admin.client.list_offsets(
                asked, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=_STALLED_SECONDS
            )
            return {at.partition: answered(answer, _STALLED_SECONDS).offset for at, answer in answers.items()}

        try:
            return patiently(ask, _STALLED_SECONDS)
        except KafkaException as error:
            raise self._admin.failure(error, topic) from error

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()

    def _extent(self, topic: str, number: int) -> tuple[int, int]:
        try:
            return extent(self._consumer, topic, number, _STALLED_SECONDS)
        except KafkaException as error:
            raise self._admin.failure(error, topic) from error

    def _range(self, topic: str, number: int, position: int | None, until: int | None) -> tuple[int, int]:
        """Where to begin, and where to end."""
        first, end = self._extent(topic, number)
        if self._whole and position is not None and position < first:
            raise DependencyError(
                f"{topic}[{number}]: 位移 {position}–{first - 1} 的记录在读到之前已被删除：补发它们，再从头读（guidang replay 用"
                f" --from-beginning）。 Records {position}–{first - 1} were deleted before they were read: send them again, then read from"
                " the beginning (guidang replay: --from-beginning)."
            )
        return position if position is not None and first <= position <= end else first, end if until is None else min(until, end)


def read_topic(
    settings: Settings,
    name: str,
    *,
    partition: int | None = None,
    positions: Mapping[int, int] = _FROM_THE_BEGINNING,
    tell: Callable[[int, int], None] = lambda _done, _total: None,
) -> Generator[Any, None, None]:
    """Read one topic: :meth:`TopicReader.read`."""
    with closing(TopicReader(settings)) as reader:
        yield from reader.read(name, partition=partition, positions=positions, tell=tell)


def positions_since(settings: Settings, name: str, since_ms: Mapping[int, int]) -> dict[int, int]:
    """Where to begin so that no record of these times or later is missed; for :func:`read_topic`.

    Parameters
    ----------
    since_ms
        Partition to time. Every other partition gets its end: nothing of it is read.

    Raises
    ------
    DependencyError
        Kafka or the topic is not there.
    """
    topic = settings.topic(name)
    admin = Admin(settings)
    partitions = _partitions(admin, topic)

    def offsets(wanted: Mapping[int, Any]) -> dict[int, int]:
        asked = {TopicPartition(topic, number): spec for number, spec in wanted.items()}

        def ask() -> dict[int, int]:
            answers = admin.client.list_offsets(asked, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=REACH_SECONDS)
            return {at.partition: answered(answer, REACH_SECONDS).offset for at, answer in answers.items()}

        return patiently(ask, REACH_SECONDS)

    try:
        # The ends first: what is written in between has a time that counts, and would lie behind an end asked for later.
        ends = offsets(dict.fromkeys(partitions, OffsetSpec.latest()))  # type: ignore[no-untyped-call]
        times = {number: at for number, at in since_ms.items() if number in ends}
        found = offsets({number: OffsetSpec.for_timestamp(at) for number, at in times.items()}) if times else {}
    except KafkaException as error:
        raise admin.failure(error, topic) from error
    return ends | {number: at for number, at in found.items() if at >= 0}


def _partitions(admin: Admin, topic: str) -> Iterable[int]:
    described = admin.metadata().topics.get(topic)
    if described is None:
        raise DependencyError(f"没有主题 {topic}，或无权看到它 there is no topic {topic}, or no right to see it (guidang rights)")
    return described.partitions


def _read(consumer: Any, topic: str, ranges: Mapping[int, tuple[int, int]], tell: Callable[[int, int], None]) -> Generator[Any, None, None]:
    unread = {number for number, (first, end) in ranges.items() if end > first}
    total = sum(max(end - first, 0) for first, end in ranges.values())
    consumer.assign([TopicPartition(topic, number, ranges[number][0]) for number in unread])
    done, moved = 0, time.monotonic()
    while unread:
        messages = consumer.consume(_CHUNK, _POLL_SECONDS)
        if not messages and time.monotonic() - moved > _STALLED_SECONDS:
            raise DependencyError(f"{topic}: {_STALLED_SECONDS:g} 秒没有数据 no data came")
        for message in messages:
            if message.error() is None and message.offset() < ranges[message.partition()][1]:
                done += 1
                yield message
            if _is_last(message, ranges):
                unread.discard(message.partition())
        if messages:
            moved = time.monotonic()  # now, and not before: who takes them may have taken his time
        tell(done, total)


def _is_last(message: Any, ranges: Mapping[int, tuple[int, int]]) -> bool:
    """Whether nothing comes after this that is wanted of its partition: as long as much is written, the client is never at the end."""
    error = message.error()
    if error is None:
        return bool(message.offset() + 1 >= ranges[message.partition()][1])
    if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - a public constant in spite of its name
        # Its offset lies behind markers; before the end asked for, a new leader does not know yet how far the partition goes.
        return bool(message.offset() >= ranges[message.partition()][1])
    if not error.retriable():
        raise KafkaException(error)
    return False
