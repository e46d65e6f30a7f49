"""What sources claim on ``feed-heartbeat``, read on from where the last look ended."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from consumers.sources import SLOT_MS
from ops.monitor.rhythm import LOOKBACK_MS
from streams.contracts import CASE_INPUTS, FEED_HEARTBEAT, codec
from streams.errors import DependencyError, InvalidRecord
from streams.runtime.clients import consumer_config, extent
from streams.settings import Settings

_CHUNK = 10_000
_POLL_SECONDS = 0.2
_REQUEST_SECONDS = 15.0
_STALLED_SECONDS = 15.0
_MOST_DELAY_MS = LOOKBACK_MS // 7


@dataclass(slots=True)
class Claims:
    """What a source says of one topic: *everything through this time has been sent*.

    Parameters
    ----------
    through_ms
        Its claims, rising, the last of each slot of ten minutes; those of a past that no rhythm is taken from are dropped.
    told_ms
        When each was written to the broker, by the job clock.
    """

    through_ms: list[int] = field(default_factory=list)
    told_ms: list[int] = field(default_factory=list)

    def add(self, through_ms: int, told_ms: int) -> None:
        """Take in a claim; one that goes back says nothing."""
        if self.through_ms:
            if through_ms <= self.through_ms[-1]:
                return
            if through_ms // SLOT_MS == self.through_ms[-1] // SLOT_MS:
                del self.through_ms[-1], self.told_ms[-1]
        self.through_ms.append(through_ms)
        self.told_ms.append(told_ms)
        kept = next(number for number, at in enumerate(self.through_ms) if at > through_ms - LOOKBACK_MS)
        del self.through_ms[:kept], self.told_ms[:kept]

    @property
    def delay_ms(self) -> int:
        """How long after a time it is usually claimed; claims of long ago, as in a replay, say nothing about that."""
        delays = [told - through for through, told in zip(self.through_ms, self.told_ms, strict=True)]
        return round(median([each for each in delays if 0 <= each < _MOST_DELAY_MS] or [0]))


class Heartbeats:
    """Follows the topic, whenever it is asked to.

    Parameters
    ----------
    shift_ms
        Job clock minus wall clock: the broker's time stamps are of the wall.
    """

    def __init__(self, settings: Settings, shift_ms: int) -> None:
        self._settings, self._shift_ms = settings, shift_ms
        self._topic = settings.topic(FEED_HEARTBEAT)
        self._positions: dict[int, int] = {}
        self._claims: defaultdict[tuple[str, str], Claims] = defaultdict(Claims)

    def look(self) -> Mapping[tuple[str, str], Claims]:
        """Read what is new; return all claims by (source, topic), which the next look changes.

        Raises
        ------
        DependencyError
            Kafka or the topic is away; what was read before is kept.
        """
        consumer = Consumer(consumer_config({**self._settings.kafka_client(), "log_level": "0"}, f"{self._settings.application}-monitor"))
        try:
            for message in self._new(consumer):
                self._take(message)
                self._positions[message.partition()] = message.offset() + 1
        except KafkaException as error:
            raise DependencyError(f"Kafka: {self._topic}: {error.args[0].str()}") from error
        finally:
            consumer.close()
        return self._claims

    def _new(self, consumer: Any) -> Iterator[Any]:
        unread = self._unread(consumer)
        consumer.assign([TopicPartition(self._topic, *place) for place in unread.items()])
        moved = time.monotonic()
        while unread:
            messages = consumer.consume(_CHUNK, _POLL_SECONDS)
            if messages:
                moved = time.monotonic()
            elif time.monotonic() - moved > _STALLED_SECONDS:
                raise DependencyError(f"Kafka: {self._topic}: {_STALLED_SECONDS:g} 秒没有数据 no data came")
            for message in messages:
                error = message.error()
                if error is None:
                    yield message
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's name for it
                    unread.pop(message.partition(), None)
                elif not error.retriable():
                    raise KafkaException(error)

    def _unread(self, consumer: Any) -> dict[int, int]:
        """Where to read on, for the partitions that hold anything new."""
        described = consumer.list_topics(self._topic, timeout=_REQUEST_SECONDS).topics[self._topic]
        if described.error is not None:
            raise DependencyError(f"Kafka: {self._topic}: {described.error.str()}")
        unread = {}
        for partition in described.partitions:
            first, end = extent(consumer, self._topic, partition, _REQUEST_SECONDS)
            position = self._positions.get(partition, first)
            if not first <= position <= end:  # the topic was cut, or made again
                position = first
            if position < end:
                unread[partition] = position
        return unread

    def _take(self, message: Any) -> None:
        try:
            claim = codec(FEED_HEARTBEAT).decode(message.value())
        except InvalidRecord:
            return  # workers write the dead letter
        topic = claim["topic"].removeprefix(self._settings.kafka.topic_prefix)
        if topic in CASE_INPUTS and claim["source_system"]:
            self._claims[claim["source_system"], topic].add(claim["complete_through"], message.timestamp()[1] + self._shift_ms)
