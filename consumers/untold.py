"""Findings (异常) that are open though Kafka no longer keeps their telling: read off the states, which it keeps for ever.

Anomaly topics are kept for ``kafka.output_retention``, and a finding that stays open is not told again. Where a topic whose beginning is
gone is to fill a table anew, these come first, in life 0: below everything that is told.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition

from consumers.batch import Batch, Partition, unreadable
from consumers.origins import Origin
from streams.contracts import ANOMALY_MISCONFIGURED, ANOMALY_QUALITY, ANOMALY_UNARCHIVED, CASE_STATE, ITEM_STATE, codec
from streams.domain.reference import item_key
from streams.domain.rules import KINDS
from streams.errors import DependencyError, InvalidRecord
from streams.rights import group_of_sink
from streams.runtime.clients import consumer_config, extent
from streams.settings import Settings

log = logging.getLogger(__name__)

STATES: Mapping[str, str] = {ANOMALY_UNARCHIVED: CASE_STATE, ANOMALY_QUALITY: CASE_STATE, ANOMALY_MISCONFIGURED: ITEM_STATE}
"""Anomaly topic to the topic of the states that its findings stand in; both have them in the same partition."""
_CHUNK, _POLL_SECONDS, _BROKER_SECONDS = 2_000, 0.1, 30.0
_STALLED_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class _Told:
    """What a worker told when it opened a finding, as a message."""

    body: bytes
    number: int

    def value(self) -> bytes:
        return self.body

    def partition(self) -> int:
        return self.number

    def offset(self) -> int:
        return 0


class Untold:
    """Reads states.

    Parameters
    ----------
    origins
        By topic name on the broker.
    meet
        Deals with an error of the consumer; it raises what does not pass.
    go_on
        Asked several times a second; reading ends once it says no.
    """

    def __init__(
        self, settings: Settings, origins: Mapping[str, Origin], meet: Callable[[KafkaError], None], go_on: Callable[[], bool]
    ) -> None:
        self._settings, self._origins = settings, origins
        self._meet, self._go_on = meet, go_on

    def batches(self, places: Iterable[Partition]) -> Iterator[Batch]:
        """Rows of all findings that are open in the states of these partitions, of one after the other.

        Parameters
        ----------
        places
            Topic of states, without prefix, and partition.

        Raises
        ------
        NewerState, EngineError
            A state cannot be read.
        DependencyError
            There is more, and nothing came for half a minute.
        """
        with closing(Consumer(consumer_config(self._settings.kafka_client(), group_of_sink(self._settings)))) as consumer:
            for topic, partition in sorted(places):
                log.warning(
                    "%s[%d]: 异常主题的开头已不在，从状态补齐未解除的异常 open findings are taken from the states", topic, partition
                )
                batch = Batch()
                for told in self._open(consumer, topic, partition):
                    batch.take(*told, 0.0)
                yield batch

    def _open(self, consumer: Consumer, topic: str, partition: int) -> Iterator[tuple[Origin, _Told]]:
        """What the last state of each subject says is open."""
        found: dict[str, list[tuple[Origin, _Told]]] = {}
        for message in self._messages(consumer, self._settings.topic(topic), partition):
            try:
                state = codec(topic).decode(message.value())
            except InvalidRecord as error:
                raise unreadable(self._origins[message.topic()], message, error) from error
            subject = state["case_no"] if topic == CASE_STATE else item_key(state["unit_code"], state["item_code"])
            found.pop(subject, None)
            if state["findings"]:
                found[subject] = [self._told(subject, finding, state, partition) for finding in state["findings"]]
        for told in found.values():
            yield from told

    def _told(self, subject: str, finding: Mapping[str, Any], state: Mapping[str, Any], partition: int) -> tuple[Origin, _Told]:
        topic = KINDS[finding["kind"]].topic
        fields = codec(topic).fields
        record = {**{name: state[name] for name in fields if name in state}, **finding, "state": "OPENED", "subject": subject}
        origin = replace(self._origins[self._settings.topic(topic)], ordinal=0)
        return origin, _Told(codec(topic).encode(record), partition)

    def _messages(self, consumer: Consumer, topic: str, partition: int) -> Iterator[Any]:
        first, end = extent(consumer, topic, partition, _BROKER_SECONDS)
        if first == end:
            return
        consumer.assign([TopicPartition(topic, partition, first)])
        moved = time.monotonic()
        while self._go_on():
            messages = consumer.consume(_CHUNK, _POLL_SECONDS)
            if not messages and time.monotonic() - moved > _STALLED_SECONDS:
                raise DependencyError(f"{topic}[{partition}]: {_STALLED_SECONDS:g} 秒没有数据 no data came")
            for message in messages:
                error = message.error()
                if error is None:
                    yield message
                    if (message.offset() or 0) + 1 >= end:  # as long as much is written, the client is never at the end
                        return
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
                    if (message.offset() or 0) >= end:  # before it, a new leader does not know yet how far the partition goes
                        return
                else:
                    self._meet(error)
            if messages:
                moved = time.monotonic()
