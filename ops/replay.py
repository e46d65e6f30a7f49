"""All records of the input topics into another system, which processes them from the beginning.

The way from the local system to servers, and to another number of partitions. Keys, values, headers that can be read and times
stay as they are; partitions do, where both systems have as many and choose them alike, so that a record that went astray is refused
there as it was here.
How far it came is committed on the source: another run takes only what is new, and what a run that broke off had sent already is sent
again, which changes nothing (the law: any repetition of the same events gives the same figures).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer, TopicCollection, TopicPartition

from ops.connect import REACH_SECONDS, Admin
from ops.reading import TopicReader
from ops.topics import ensure_topics
from streams.contracts import CASE_INPUTS, FEED_HEARTBEAT, REFERENCE_INPUTS
from streams.errors import ConfigurationError, DependencyError
from streams.headers import headers_of
from streams.partitioner import PARTITIONERS
from streams.runtime.clients import answered, consumer_config, patiently
from streams.settings import Settings

TOPICS = (*(topic for topic in REFERENCE_INPUTS if topic != FEED_HEARTBEAT), *CASE_INPUTS, FEED_HEARTBEAT)
"""Reference data first: fewer cases are judged twice. Heartbeats (来源心跳) last: where what they vouch for is still to come, a target that
runs would find cases unarchived whose archives follow a moment later."""
_FLUSH_SECONDS = 60.0
_OPEN_SECONDS = 30.0
_OPEN_PAUSE_SECONDS = 0.5
_BUFFER_SECONDS = 0.05
Tell = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Copied:
    """One topic: partitions here and there, and the records sent in this run."""

    topic: str
    partitions: int
    target_partitions: int
    records: int


def replay(source: Settings, target: Settings, tell: Tell, *, from_beginning: bool = False) -> Iterator[Copied]:
    """Send what the input topics hold and the target has not got yet, topic by topic; topics that it lacks are made.

    Parameters
    ----------
    tell
        Called with the topic, records done and records there are.
    from_beginning
        Also what was sent before.

    Raises
    ------
    ConfigurationError
        Both are the same topics, or the target's topics are not as its settings say.
    DependencyError
        One of them cannot be reached, or went away: what was confirmed is there, and another run goes on. Or records that are new since
        the last run are gone, or lie behind a transaction that stays open: nobody can read them.
    """
    here, there = Admin(source), Admin(target)
    same_cluster = here.metadata().cluster_id == there.metadata().cluster_id
    if same_cluster and source.kafka.topic_prefix == target.kafka.topic_prefix:
        raise ConfigurationError(
            "目标就是本系统自己的主题：换一个集群，或另取 kafka.topic_prefix。"
            " The target's topics are this system's own: another cluster, or another kafka.topic_prefix."
        )
    ensure_topics(target)
    with closing(TopicReader(source, whole=True)) as reader, closing(_Progress(source)) as progress:
        heard = reader.ends(FEED_HEARTBEAT)  # what is said from now on may vouch for events that only the next run sends
        written = {topic: reader.written(topic) for topic in TOPICS if topic != FEED_HEARTBEAT}
        for topic in TOPICS:
            mark = f"{_topic_id(here, source.topic(topic))}>{_topic_id(there, target.topic(topic))}"
            counts = _count(here, source, topic), _count(there, target, topic)
            ends = heard if topic == FEED_HEARTBEAT else _readable(reader, source, topic, written[topic])
            yield _Copy(source, target, topic, counts, ends).run(reader, progress, mark, tell, from_beginning=from_beginning)


def _readable(reader: TopicReader, source: Settings, topic: str, written: Mapping[int, int]) -> Mapping[int, int]:
    """The ends of a topic once all can be read that had been written; transactions that are short end meanwhile."""
    give_up = time.monotonic() + _OPEN_SECONDS
    while True:
        ends = reader.ends(topic)
        held_up = sorted(f"{source.topic(topic)}[{partition}]@{end}" for partition, end in ends.items() if end < written.get(partition, 0))
        if not held_up:
            return ends
        if time.monotonic() > give_up:
            raise DependencyError(
                f"事务一直没有结束，其后的记录读不到：{', '.join(held_up)}。结束它（kafka-transactions.sh），再运行一次。"
                " A transaction stays open, and what lies behind it cannot be read: end it (kafka-transactions.sh), and run this again."
            )
        time.sleep(_OPEN_PAUSE_SECONDS)


@dataclass(slots=True)
class _Copy:
    """The copying of one topic.

    Parameters
    ----------
    counts
        Partitions here and there.
    ends
        Partition to the end of what is copied.
    """

    source: Settings
    target: Settings
    topic: str
    counts: tuple[int, int]
    ends: Mapping[int, int]
    broken: list[str] = field(default_factory=list)

    def run(self, reader: TopicReader, progress: _Progress, mark: str, tell: Tell, *, from_beginning: bool) -> Copied:
        """Copy, wait until the target has confirmed, then commit how far it came."""
        name, sent = self.source.topic(self.topic), 0
        positions = {} if from_beginning else progress.positions(name, self.counts[0], mark)
        producer = Producer(_producer_config(self.target))
        partition_of = self._partition_of()
        told = partial(tell, self.topic)
        try:
            for message in reader.read(self.topic, positions=positions, ends=self.ends, tell=told):
                self._send(producer, message, partition_of(message))
                sent += 1
            left = producer.flush(_FLUSH_SECONDS)
        except KafkaException as error:
            raise self._failed(error.args[0].str()) from error
        if self.broken or left:
            raise self._failed(self.broken[0] if self.broken else f"{left} 条未确认 not confirmed")
        progress.commit(name, self.ends, mark)
        return Copied(self.topic, *self.counts, sent)

    def _partition_of(self) -> Callable[[Any], int]:
        here, there = self.counts
        if here == there and self.source.kafka.partitioner == self.target.kafka.partitioner:
            return lambda message: int(message.partition())
        home = PARTITIONERS[self.target.kafka.partitioner]
        return lambda message: home(message.key(), there) if message.key() else message.partition() % there

    def _send(self, producer: Producer, message: Any, partition: int) -> None:
        if self.broken:
            raise self._failed(self.broken[0])
        while True:
            try:
                producer.produce(
                    self.target.topic(self.topic),
                    message.value(),
                    message.key(),
                    partition,
                    headers=list(headers_of(message)),
                    timestamp=max(message.timestamp()[1], 0),
                    on_delivery=self._delivered,
                )
            except BufferError:
                producer.poll(_BUFFER_SECONDS)
            else:
                break
        producer.poll(0)

    def _delivered(self, error: Any, _message: Any) -> None:
        if error is not None:
            self.broken.append(error.str())

    def _failed(self, reason: str) -> DependencyError:
        servers = self.target.kafka_client()["bootstrap.servers"]
        return DependencyError(f"{self.topic} → {servers}: {reason}。再运行一次即接着送 run it again to go on")


class _Progress:
    """How far each topic came, kept with the source in a consumer group of its own.

    A position counts only for the same life of both topics (``mark``): one made anew is begun at its beginning.
    """

    def __init__(self, source: Settings) -> None:
        self._admin = Admin(source)
        self._admin.look_at_groups(f"{source.application}-replay")
        self._consumer = Consumer(consumer_config(source.kafka_client(), f"{source.application}-replay"))

    def positions(self, topic: str, partitions: int, mark: str) -> dict[int, int]:
        """Partition to the next offset to send."""
        wanted = [TopicPartition(topic, number) for number in range(partitions)]
        try:
            found = patiently(lambda: self._consumer.committed(wanted, timeout=REACH_SECONDS), REACH_SECONDS)
        except KafkaException as error:
            raise self._admin.failure(error, topic) from error
        return {at.partition: at.offset for at in found if at.offset >= 0 and at.metadata == mark}

    def commit(self, topic: str, ends: Mapping[int, int], mark: str) -> None:
        """Everything before these offsets is there, markers of transactions included: should they be deleted, nothing is missing."""
        offsets = [TopicPartition(topic, number, offset, mark) for number, offset in ends.items()]
        try:
            patiently(lambda: self._consumer.commit(offsets=offsets, asynchronous=False), REACH_SECONDS)
        except KafkaException as error:
            raise self._admin.failure(error, topic) from error

    def close(self) -> None:
        """Let go."""
        self._consumer.close()


def _producer_config(target: Settings) -> dict[str, Any]:
    return target.kafka_client(client_id="guidang-replay") | {
        "log_level": 0,
        "acks": "all",
        "enable.idempotence": True,
        "compression.type": "lz4",
        "linger.ms": 20,
        "message.max.bytes": 16_777_216,
        "queue.buffering.max.kbytes": 65_536,
        "message.timeout.ms": int(_FLUSH_SECONDS * 1000),
    }


def _topic_id(admin: Admin, name: str) -> str:
    try:
        answers = admin.client.describe_topics(TopicCollection([name]), request_timeout=REACH_SECONDS)
        return str(answered(answers[name], REACH_SECONDS).topic_id)
    except KafkaException as error:
        raise admin.failure(error, name) from error


def _count(admin: Admin, settings: Settings, topic: str) -> int:
    return len(admin.metadata().topics[settings.topic(topic)].partitions)
