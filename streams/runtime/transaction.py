"""One Kafka transaction: outputs, changelog records and input offsets together, or none of them.

The transactional id is the application's name and the partition number. Whoever initialises it last owns the partition;
every earlier owner is fenced by the broker and can write nothing more, whatever it believes about group membership.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from streams.errors import EngineError, Fenced
from streams.runtime.clients import consumer_config, producer_config, refusal, transactional_id
from streams.runtime.settings import EngineSettings
from streams.runtime.unit import Output

_FENCED: Final = frozenset(
    {KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH}  # noqa: SLF001 - librdkafka's name
)
_BROKEN: Final = frozenset({KafkaError._STATE, KafkaError._FATAL})  # noqa: SLF001 - librdkafka's names
"""Said of a transaction, or of the producer, that something broke before: not what."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """What is to be committed.

    Parameters
    ----------
    changelogs
        Changelog topic to key to value.
    outputs
        Output records in the order they were emitted.
    offsets
        Input topic to (next offset, metadata).
    """

    changelogs: Mapping[str, Mapping[bytes, bytes]]
    outputs: Sequence[Output]
    offsets: Mapping[str, tuple[int, str]]


class Committer:
    """The producer of one partition. Blocking: use it in the partition's lane only.

    Parameters
    ----------
    name
        Application id.
    partition
        Partition number that every record goes to.

    Raises
    ------
    Fenced
        From any method: another worker owns the partition now.
    NotAllowed
        From any method: the broker does not grant the transactional id, a topic or the group.
    EngineError
        From any method: the transaction did not commit and never will. The object is of no further use.
    """

    def __init__(self, settings: EngineSettings, name: str, partition: int) -> None:
        self._partition = partition
        self._timeout_s = settings.request_timeout_s
        self._producer = Producer(producer_config(settings.kafka, transactional_id(name, partition), settings.transaction_timeout_ms))
        # Never subscribed: generation -1, so the broker judges the offsets by the transactional id alone.
        self._member = Consumer(consumer_config(settings.kafka, name))

    def init(self, topic: str) -> None:
        """Fence every former owner and end its open transaction; ``topic`` is any that is there."""
        # It is asked about first: a producer that looks for its coordinator before it has a connection looks again after half a second.
        self._bounded("list_topics", lambda: self._producer.list_topics(topic, self._timeout_s))
        self._bounded("init_transactions", lambda: self._producer.init_transactions(self._timeout_s))

    def commit(self, transaction: Transaction) -> dict[str, int]:
        """Commit and return, per changelog written to, the offset after its last record."""
        positions: dict[str, int] = {}
        producer = self._producer
        try:
            producer.begin_transaction()
            for topic, records in transaction.changelogs.items():
                self._produce_changelog(topic, records, positions)
            for output in transaction.outputs:
                partition = self._partition if output.partition is None else output.partition
                self._produce(output.topic, output.key, output.value, headers=list(output.headers), partition=partition)
        except KafkaException as exc:
            self._fail("produce", exc)
        offsets = [
            TopicPartition(topic, self._partition, offset, metadata=metadata) for topic, (offset, metadata) in transaction.offsets.items()
        ]
        member = self._member.consumer_group_metadata()
        self._bounded(
            "send_offsets_to_transaction",
            lambda: producer.send_offsets_to_transaction(offsets, member, self._timeout_s),
        )
        self._bounded("commit_transaction", lambda: producer.commit_transaction(self._timeout_s))
        missing = [topic for topic, records in transaction.changelogs.items() if records and topic not in positions]
        if missing:
            raise EngineError(f"committed, but no delivery report came for {', '.join(missing)}")
        return positions

    def close(self) -> None:
        """Let go of the connections. An open transaction is left to whoever initialises next."""
        self._member.close()
        self._producer.purge()

    def _produce_changelog(self, topic: str, records: Mapping[bytes, bytes], positions: dict[str, int]) -> None:
        last = len(records)

        def delivered(error: Any, message: Any) -> None:
            # An error needs no handling here: a record that failed aborts the transaction.
            if error is None:
                positions[topic] = message.offset() + 1

        for number, (key, value) in enumerate(records.items(), start=1):
            if number == last:
                self._produce(topic, key, value, partition=self._partition, on_delivery=delivered)
            else:
                self._produce(topic, key, value, partition=self._partition)

    def _produce(self, topic: str, key: bytes | None, value: bytes | None, **options: Any) -> None:
        deadline = None
        while True:
            try:
                self._producer.produce(topic, key=key, value=value, **options)
            except BufferError:
                deadline = deadline or time.monotonic() + self._timeout_s
                if time.monotonic() > deadline:
                    raise EngineError(f"producer queue of partition {self._partition} stayed full") from None
                self._producer.poll(0.05)
            else:
                return

    def _bounded(self, what: str, call: Callable[[], object]) -> None:
        """Call until it works, for as long as librdkafka itself says that trying again may help, and not for ever."""
        deadline = time.monotonic() + self._timeout_s
        while True:
            try:
                call()
            except KafkaException as exc:
                if not exc.args[0].retriable() or time.monotonic() > deadline:
                    self._fail(what, exc)
            else:
                return

    def _fail(self, what: str, exc: KafkaException) -> NoReturn:
        if exc.args[0].code() in _BROKEN:
            exc = self._what_broke_it() or exc
        error = exc.args[0]
        if error.code() in _FENCED:
            raise Fenced(f"{what}: {error.str()}") from exc
        if refused := refusal(what, exc):
            raise refused from exc
        raise EngineError(f"{what}: {error.name()}: {error.str()}") from exc

    def _what_broke_it(self) -> KafkaException | None:
        """Ask why: an answer in between breaks the transaction, the call under way says only that it is broken, and the next one why."""
        try:
            self._producer.begin_transaction()
        except KafkaException as exc:
            return exc
        return None
