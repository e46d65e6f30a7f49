"""Records -> Kafka, each of them confirmed by all replicas that are in sync, or named as not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import ConfigResource  # type: ignore[attr-defined]  # the package does not mark what it exports

from ops.connect import REACH_SECONDS, Admin
from streams.access import check_rights
from streams.errors import DependencyError, TopologyError
from streams.rights import Right
from streams.runtime.clients import answered, refusal
from streams.settings import Settings

_DELIVERY_SECONDS = 60
"""How long a broker may be away in the middle: longer than one restart of ours takes, and bounded."""
_DEFAULT_LARGEST_BYTES = 1_000_000
_ROOM_BYTES = 256
"""What the broker counts beside key and value: headers of the batch and of the record."""
_PARTITIONERS = {"murmur2": "murmur2_random", "crc32": "consistent_random"}
_ABOUT_THE_RECORD = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG, KafkaError.INVALID_RECORD})


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A record that the broker did not confirm.

    Parameters
    ----------
    tag
        What :meth:`TopicProducer.send` was given to know it by.
    """

    tag: Any
    reason: str


class TopicProducer:
    """Producer for our input topics, with the partitioner that workers expect (contract, Topics).

    One request is under way at a time, so that records of one key stay in order. It is not idempotent: whoever repeats a request whose
    answer got lost may write its records twice, which the law makes harmless, and librdkafka gives a producer its id only half a second
    after it was made.

    Parameters
    ----------
    topics
        Contract names. All are checked to be there first: a producer would otherwise have them made with a broker's default retention.

    Raises
    ------
    DependencyError
        No broker answers within ten seconds.
    TopologyError
        A topic is missing.
    NotAllowed
        It may not be written.
    """

    def __init__(self, settings: Settings, topics: Iterable[str]) -> None:
        names = {topic: settings.topic(topic) for topic in topics}
        admin = Admin(settings)
        self._where, there = admin.servers, admin.metadata().topics
        if missing := [name for name in names.values() if name not in there]:
            told = f"{', '.join(missing)} (guidang topics, guidang rights)"
            raise TopologyError(f"Kafka {self._where} 没有主题，或无权看到 has no topic, or lets us see none: {told}")
        check_rights(settings, "publish", [Right("topic", name, "WRITE") for name in names.values()])
        self._names = names
        self._largest = {topic: _largest_record_bytes(admin, name) for topic, name in names.items()}
        self._undelivered: list[Undelivered] = []
        self._broken: DependencyError | None = None
        self._waiting = 0
        self._producer = Producer(
            settings.kafka_client(client_id="guidang-publish")
            | {
                "log_level": 0,  # what it would write to stderr, our errors say
                "acks": "all",
                "max.in.flight.requests.per.connection": 1,
                "partitioner": _PARTITIONERS[settings.kafka.partitioner],
                "compression.type": "lz4",
                "linger.ms": 20,
                "queue.buffering.max.kbytes": 65_536,
                "message.timeout.ms": _DELIVERY_SECONDS * 1000,
                "message.max.bytes": max(self._largest.values()) + _ROOM_BYTES,
                "batch.size": min(1_000_000, *self._largest.values()),
                "delivery.report.only.error": True,
                "error_cb": self._on_error,
            }
        )

    def largest_record_bytes(self, topic: str) -> int:
        """Key and value together may be this large."""
        return self._largest[topic]

    def send(self, topic: str, key: bytes, value: bytes, tag: Any = None) -> None:
        """Hand over one record; :meth:`finish` says whether it arrived.

        Raises
        ------
        DependencyError
            The broker has been away for longer than a minute, or refuses us. What was confirmed is there; the file may be
            published again, the same events are known by their ids.
        """
        if len(key) + len(value) > self._largest[topic]:
            self._undelivered.append(Undelivered(tag, f"{len(key) + len(value)} B > {self._largest[topic]} B (max.message.bytes)"))
            return
        name, report = self._names[topic], partial(self._on_delivery, tag)
        while True:
            try:
                self._producer.produce(name, value, key, on_delivery=report)
            except BufferError:
                self._serve(lambda: self._producer.poll(0.05))
            except KafkaException as error:
                raise self._failure(error) from error
            else:
                break
        self._waiting += 1
        if self._waiting % 1000 == 0:
            self._serve(lambda: self._producer.poll(0))

    def finish(self) -> list[Undelivered]:
        """Wait for every confirmation; return the records that will never be confirmed.

        Raises
        ------
        DependencyError
            Not all were confirmed, and the records are not to blame.
        """
        give_up = time.monotonic() + 1.5 * _DELIVERY_SECONDS
        while self._serve(lambda: self._producer.flush(0.5)) > 0:
            if time.monotonic() > give_up:
                raise self._unreachable(f"{len(self._producer)} 条未确认 not confirmed")
        return self._undelivered

    def _on_delivery(self, tag: Any, error: KafkaError | None, _message: Message) -> None:
        if error is None:
            return
        if error.code() in _ABOUT_THE_RECORD:
            self._undelivered.append(Undelivered(tag, error.str()))
        else:
            self._broken = self._broken or self._failure(KafkaException(error))

    def _on_error(self, _error: KafkaError) -> None:
        """A broker that is away for a while is nobody's business; what becomes of a record, its delivery report says."""

    def _serve(self, call: Callable[[], int]) -> int:
        """Let the client tell what became of records."""
        left = call()
        if self._broken:
            raise self._broken
        return left

    def _failure(self, error: KafkaException) -> DependencyError:
        return refusal(", ".join(self._names.values()), error) or self._unreachable(error.args[0].str())

    def _unreachable(self, cause: str) -> DependencyError:
        return DependencyError(f"Kafka {self._where} 连不上或已中断 cannot be reached, or went away: {cause}")


def _largest_record_bytes(admin: Admin, name: str) -> int:
    resource = ConfigResource(ConfigResource.Type.TOPIC, name)
    try:
        asked = admin.client.describe_configs([resource], request_timeout=REACH_SECONDS)[resource]
        limit = int(answered(asked, REACH_SECONDS)["max.message.bytes"].value)
    except KafkaException:  # not allowed to ask: what librdkafka takes by default is what every broker takes by default
        limit = _DEFAULT_LARGEST_BYTES
    return limit - _ROOM_BYTES
