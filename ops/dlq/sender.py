"""Dead letters back into their source topics, in transactions that only one command at a time can commit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from ops.connect import Admin
from ops.dlq.letter import DeadLetter
from ops.dlq.plan import Target
from streams.access import check_access
from streams.clock import wall_ms
from streams.errors import DependencyError, OperatorError, Superseded
from streams.rights import redrive_id
from streams.runtime.clients import producer_config, refusal
from streams.settings import Settings

_TRANSACTION_MS = 60_000
_REACH_SECONDS = 30.0
_GROUP_RECORDS = 500
_GROUP_BYTES = 512 * 1024
_FENCED = frozenset({KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH})  # noqa: SLF001 - librdkafka's name
_PURGED = frozenset({KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT})  # noqa: SLF001 - the same
_TOO_LARGE = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG, KafkaError.INVALID_RECORD})


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A dead letter and where it goes."""

    letter: DeadLetter
    target: Target


class Sender:
    """Sends dead letters back. Making one ends every other: what another command has not committed by then, it never will.

    So whoever makes it *before* looking which letters were sent already sends none of them twice.

    Raises
    ------
    DependencyError
        No broker answers in time.
    NotAllowed
        It does not grant what ``dlq redrive`` needs.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        Admin(settings).metadata()  # says within ten seconds, and why, that there is no broker
        check_access(settings, "redrive")  # in a transaction, a topic that may not be written is hard to tell from a broker that is away
        kafka = settings.kafka_client(client_id="guidang-dlq")
        config = producer_config(kafka, redrive_id(settings), _TRANSACTION_MS)
        self._said = ""
        # Without a callback a fatal error is raised from within others' callbacks.
        # What a sender's gzip made small enough for its topic has to fit again.
        self._producer = Producer(config | {"log_level": 0, "error_cb": self._remember, "compression.type": "zstd"})
        try:
            self._producer.init_transactions(_REACH_SECONDS)
        except KafkaException as error:
            raise self._failure(error) from error

    def send(self, outgoing: Iterable[Outgoing]) -> Iterator[tuple[Outgoing, str]]:
        """Send, and yield each letter once its fate is known: with an empty text when it has been committed, else with the broker's reason.

        Raises
        ------
        Superseded
            Another command has begun meanwhile; everything that was yielded stays sent.
        DependencyError
            The broker went away; the same holds.
        """
        for group in groups(outgoing):
            if not (reason := self._commit(group)):
                yield from ((each, "") for each in group)
            elif len(group) == 1:
                yield group[0], reason
            else:  # one of them is to blame: each on its own
                yield from ((each, self._commit([each])) for each in group)

    def _commit(self, group: Sequence[Outgoing]) -> str:
        """Commit a group, or nothing of it; return why the broker does not take a record of it, or an empty text."""
        failed = self._attempt(group)
        if failed and all(error.code() in _PURGED for error in failed):
            # A record that was not taken leaves a gap in its partition's sequence numbers; librdkafka notices at the next
            # one, gives that transaction up, and has a new epoch for the one after. Nothing of the group was committed.
            failed = self._attempt(group)
        if not failed:
            return ""
        too_large = next((error.str() for error in failed if error.code() in _TOO_LARGE), "")
        if not too_large:
            raise self._failure(KafkaException(failed[0]))
        return too_large

    def _attempt(self, group: Sequence[Outgoing]) -> list[KafkaError]:
        """Commit a group and return nothing, or abort it and return the errors of its records."""
        failed: list[KafkaError] = []
        try:
            self._producer.begin_transaction()
            for each in group:
                self._produce(each, failed)
            self._producer.flush(_TRANSACTION_MS / 1000)
            if failed:
                self._producer.abort_transaction(_REACH_SECONDS)
            else:
                self._producer.commit_transaction(_REACH_SECONDS)
        except KafkaException as error:
            raise self._failure(error) from error
        return failed

    def _produce(self, each: Outgoing, failed: list[KafkaError]) -> None:
        def delivered(error: KafkaError | None, _message: Any) -> None:
            if error is not None:
                failed.append(error)

        letter, target = each.letter, each.target
        try:
            self._producer.produce(
                self._settings.topic(target.topic),
                letter.value,
                letter.entry.key,
                target.partition,
                on_delivery=delivered,
                headers=list(letter.headers_when_redriven),
                # Never earlier than its dead letter, whatever this machine's clock says: by these times it is found again.
                timestamp=max(wall_ms(), letter.entry.written_at_ms),
            )
        except KafkaException as error:  # too large for the client already
            failed.append(error.args[0])

    def _failure(self, error: KafkaException) -> OperatorError:
        cause = error.args[0]
        if cause.code() in _FENCED:
            return Superseded("另一个 dlq redrive 已经开始，这一个到此为止 another dlq redrive has begun, this one ends here")
        if refused := refusal(f"事务号 transactional id {redrive_id(self._settings)}", error):
            return refused
        servers = self._settings.kafka_client()["bootstrap.servers"]
        return DependencyError(f"Kafka {servers} 连不上或已中断 cannot be reached, or went away: {self._said or cause.str()}")

    def _remember(self, error: KafkaError) -> None:
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - it follows the reason and hides it
            self._said = error.str()


def groups(outgoing: Iterable[Outgoing]) -> Iterator[list[Outgoing]]:
    """Cut into transactions: small records together, a large one alone, so that one the broker does not take costs no other."""
    group: list[Outgoing] = []
    held = 0
    for each in outgoing:
        size = each.letter.entry.size or 0
        if group and (len(group) >= _GROUP_RECORDS or held + size > _GROUP_BYTES):
            yield group
            group, held = [], 0
        group.append(each)
        held += size
    if group:
        yield group
