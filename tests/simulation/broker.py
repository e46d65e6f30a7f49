"""A broker in memory, and clients of it with the interface of ``confluent_kafka``: as much of both as the product leans on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicPartition

Place = tuple[str, int]


@dataclass(slots=True)
class Entry:
    """One offset of a log: a record, or a transaction's marker."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    timestamp: int
    txn: Txn | None = None
    marker: bool = False
    note: Any = None

    @property
    def visible(self) -> bool:
        """Whether readers of committed records get it, once the log is stable here."""
        return not self.marker and (self.txn is None or self.txn.state == "committed")


@dataclass(slots=True, eq=False)
class Txn:
    """A transaction."""

    producer: Any
    state: str = "open"
    first: dict[Place, int] = field(default_factory=dict)
    records: list[tuple[Place, int]] = field(default_factory=list)
    offsets: dict[tuple[str, str, int], tuple[int, str]] = field(default_factory=dict)


@dataclass(slots=True)
class Coordinated:
    """What the transaction coordinator knows of a transactional id."""

    epoch: int = -1
    txn: Txn | None = None


class Broker:
    """Logs, transactions, committed offsets.

    Parameters
    ----------
    topics
        Topic to its number of partitions.
    """

    def __init__(self, topics: Mapping[str, int]) -> None:
        self.topics = dict(topics)
        self.logs: dict[Place, list[Entry]] = {(topic, p): [] for topic, count in topics.items() for p in range(count)}
        self.coordinated: dict[str, Coordinated] = {}
        self.committed: dict[tuple[str, str, int], tuple[int, str]] = {}
        self.on_commit: Callable[[Txn], None] = lambda _: None
        self._open: list[Txn] = []

    def append(self, place: Place, key: bytes | None, value: bytes | None, timestamp: int = 0, note: Any = None) -> int:
        """Append a record outside of any transaction; return its offset."""
        log = self.logs[place]
        log.append(Entry(key, value, (), timestamp, note=note))
        return len(log) - 1

    def append_aborted(self, place: Place, key: bytes, value: bytes) -> None:
        """Append a record of a stranger's transaction that was aborted, and its marker."""
        log = self.logs[place]
        txn = Txn(None, "aborted")
        log += [Entry(key, value, (), 0, txn), Entry(None, None, (), 0, txn, marker=True)]

    def append_open(self, place: Place, key: bytes, value: bytes) -> Txn:
        """Append a record of a stranger's transaction that stays open until it is aborted."""
        txn = Txn(None)
        self._open.append(txn)
        self.append_in(txn, place, key, value, (), 0)
        return txn

    def abort(self, txn: Txn) -> None:
        """Abort a transaction that a stranger has left open."""
        self._end(txn, "aborted")

    def end(self, place: Place) -> int:
        """High watermark: counts open transactions."""
        return len(self.logs[place])

    def stable(self, place: Place) -> int:
        """Last stable offset."""
        end = len(self.logs[place])
        for txn in self._open:
            first = txn.first.get(place)
            if first is not None and first < end:
                end = first
        return end

    def read(self, place: Place, position: int, limit: int) -> tuple[list[tuple[int, Entry]], int]:
        """Read committed records from a position: them, and the next position, which markers and aborted records move too."""
        log, stable, found = self.logs[place], self.stable(place), []
        while position < stable and len(found) < limit:
            entry = log[position]
            if entry.visible:
                found.append((position, entry))
            position += 1
        while position < stable and not log[position].visible:
            position += 1
        return found, position

    # The transaction coordinator.

    def init(self, transactional_id: str) -> int:
        """Fence former owners and abort what they left open; return the new epoch."""
        known = self.coordinated.setdefault(transactional_id, Coordinated())
        if known.txn is not None:
            self._end(known.txn, "aborted")
        known.epoch, known.txn = known.epoch + 1, None
        return known.epoch

    def time_out(self, transactional_id: str) -> bool:
        """Abort a transaction that was left open for too long; its producer is fenced by that."""
        known = self.coordinated[transactional_id]
        if known.txn is None:
            return False
        self.init(transactional_id)
        return True

    def current(self, transactional_id: str, epoch: int | None) -> bool:
        """Whether nobody has fenced this epoch."""
        return epoch is not None and self.coordinated[transactional_id].epoch == epoch

    def transaction(self, transactional_id: str, producer: Any) -> Txn:
        """The open transaction of an id, begun if need be."""
        known = self.coordinated[transactional_id]
        if known.txn is None:
            known.txn = Txn(producer)
            self._open.append(known.txn)
        return known.txn

    def append_in(self, txn: Txn, place: Place, key: bytes | None, value: bytes | None, headers: Any, timestamp: int) -> int:
        """Append a record of a transaction."""
        log = self.logs[place]
        txn.first.setdefault(place, len(log))
        txn.records.append((place, len(log)))
        log.append(Entry(key, value, headers, timestamp, txn))
        return len(log) - 1

    def commit(self, transactional_id: str) -> None:
        """Commit the open transaction of an id."""
        known = self.coordinated[transactional_id]
        txn, known.txn = known.txn, None
        if txn is not None:
            self._end(txn, "committed")
            self.committed.update(txn.offsets)
            self.on_commit(txn)

    def open_transactions(self) -> list[str]:
        """Transactional ids with an open transaction."""
        return [name for name, known in self.coordinated.items() if known.txn is not None]

    def _end(self, txn: Txn, state: str) -> None:
        txn.state = state
        self._open.remove(txn)
        for place in txn.first:
            self.logs[place].append(Entry(None, None, (), 0, txn, marker=True))


class Hooks:
    """What a world may do between two effects of a client: nothing, here."""

    def effect(self, name: str, producer: FakeProducer | None = None) -> None:
        """Called before an effect, with the producer whose it is; may raise."""

    def acknowledged(self, name: str) -> None:
        """Called after an effect, before the client hears of it; may raise."""

    def chunk(self, limit: int) -> int:
        """Return how many records a read gives at most."""
        return limit

    def waited(self, seconds: float) -> None:
        """A client waited for so long and got nothing."""

    def now_ms(self) -> int:
        """The broker's clock."""
        return 0


def error(code: int, *, retriable: bool = False, fatal: bool = False) -> KafkaException:
    """Return an exception as the client raises it."""
    return KafkaException(KafkaError(code, "simulated", fatal, retriable, False))


class FakeProducer:
    """A transactional producer."""

    def __init__(self, broker: Broker, hooks: Hooks, config: Mapping[str, Any]) -> None:
        self.broker, self.hooks = broker, hooks
        self.transactional_id: str = config["transactional.id"]
        self.epoch: int | None = None
        self._reports: list[tuple[Any, Any]] = []
        self._fenced = False
        self._committed = False

    def list_topics(self, topic: str, timeout: float) -> None:
        """See confluent_kafka; the answer is of no interest."""

    def init_transactions(self, timeout: float) -> None:
        """See confluent_kafka."""
        del timeout
        self.hooks.effect("init_transactions")
        self.epoch = self.broker.init(self.transactional_id)
        self.hooks.acknowledged("init_transactions")

    def begin_transaction(self) -> None:
        """See confluent_kafka."""
        self.hooks.effect("begin_transaction")
        self._reports.clear()
        self._committed = False

    def produce(
        self,
        topic: str,
        key: bytes | None = None,
        value: bytes | None = None,
        headers: Any = (),
        partition: int = 0,
        on_delivery: Any = None,
    ) -> None:
        """See confluent_kafka; records reach the broker at once, and whether they did shows later."""
        self.hooks.effect("produce")
        if self._fenced or not self.broker.current(self.transactional_id, self.epoch):
            self._fenced = True
            return
        txn = self.broker.transaction(self.transactional_id, self)
        offset = self.broker.append_in(txn, (topic, partition), key, value, headers, self.hooks.now_ms())
        if on_delivery is not None:
            self._reports.append((on_delivery, SimpleNamespace(offset=lambda: offset)))

    def send_offsets_to_transaction(self, offsets: Iterable[Any], group: Any, timeout: float) -> None:
        """See confluent_kafka."""
        del timeout
        self.hooks.effect("send_offsets_to_transaction")
        self._check()
        txn = self.broker.transaction(self.transactional_id, self)
        txn.offsets.update({(group, at.topic, at.partition): (at.offset, at.metadata) for at in offsets})

    def commit_transaction(self, timeout: float) -> None:
        """See confluent_kafka; asked again after a time-out it goes on where it was."""
        del timeout
        if not self._committed:
            self.hooks.effect("commit_transaction", self)
            self._check()
            self._committed = True
            self.broker.commit(self.transactional_id)
        for report, message in self._reports:
            report(None, message)
        self._reports.clear()
        self.hooks.acknowledged("commit_transaction")

    def flush(self, timeout: float) -> int:
        """See confluent_kafka."""
        del timeout
        return 0

    def poll(self, timeout: float) -> int:
        """See confluent_kafka."""
        del timeout
        return 0

    def purge(self) -> None:
        """See confluent_kafka."""

    def _check(self) -> None:
        if self._fenced or not self.broker.current(self.transactional_id, self.epoch):
            self._fenced = True
            raise error(KafkaError._FENCED, fatal=True)


class FakeMessage:
    """A record, or an event of the partition, as ``confluent_kafka`` gives it."""

    __slots__ = ("_entry", "_error", "_offset", "_place")

    def __init__(self, place: Place, offset: int, entry: Entry | None, told: KafkaError | None = None) -> None:
        self._place, self._offset, self._entry, self._error = place, offset, entry, told

    def error(self) -> KafkaError | None:
        """See confluent_kafka."""
        return self._error

    def topic(self) -> str:
        """See confluent_kafka."""
        return self._place[0]

    def partition(self) -> int:
        """See confluent_kafka."""
        return self._place[1]

    def offset(self) -> int:
        """See confluent_kafka."""
        return self._offset

    def key(self) -> bytes | None:
        """See confluent_kafka."""
        return self._entry.key if self._entry else None

    def value(self) -> bytes | None:
        """See confluent_kafka."""
        return self._entry.value if self._entry else None

    def headers(self) -> list[tuple[str, bytes]]:
        """See confluent_kafka."""
        return list(self._entry.headers) if self._entry else []

    def timestamp(self) -> tuple[int, int]:
        """See confluent_kafka."""
        return 1, self._entry.timestamp if self._entry else 0


class FakeConsumer:
    """A consumer of committed records, which may ask for the end of others; with ``subscribe`` the only live member of its group."""

    def __init__(self, broker: Broker, hooks: Hooks, config: Mapping[str, Any]) -> None:
        self.broker, self.hooks = broker, hooks
        self.group: str = config["group.id"]
        self._end_of = broker.end if config.get("isolation.level") == "read_uncommitted" else broker.stable
        self.current = True
        self.rebalance = False
        self._positions: dict[Place, int] = {}
        self._told: dict[Place, int] = {}
        self._paused: set[Place] = set()
        self._topics: list[str] = []
        self._callbacks: tuple[Any, Any] | None = None

    def consumer_group_metadata(self) -> str:
        """See confluent_kafka; opaque."""
        return self.group

    def list_topics(self, topic: str, timeout: float) -> Any:
        """See confluent_kafka."""
        del timeout
        count = self.broker.topics.get(topic)
        told = KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART) if count is None else None
        return SimpleNamespace(topics={topic: SimpleNamespace(error=told, partitions=dict.fromkeys(range(count or 0)))})

    def get_watermark_offsets(self, at: Any, timeout: float, cached: bool = False) -> tuple[int, int]:
        """See confluent_kafka."""
        del timeout, cached
        return 0, self._end_of((at.topic, at.partition))

    def committed(self, partitions: Sequence[Any], timeout: float) -> list[Any]:
        """See confluent_kafka; offsets of an open transaction are waited for, and here that is an error that passes."""
        del timeout
        found = []
        for at in partitions:
            offset, metadata = self.broker.committed.get((self.group, at.topic, at.partition), (-1001, ""))
            found.append(TopicPartition(at.topic, at.partition, offset, metadata=metadata))
        return found

    def assign(self, partitions: Iterable[Any]) -> None:
        """See confluent_kafka."""
        self._positions = {(at.topic, at.partition): at.offset for at in partitions}
        self._told.clear()

    def unassign(self) -> None:
        """See confluent_kafka."""
        self.assign([])

    def assignment(self) -> list[Any]:
        """See confluent_kafka."""
        return [TopicPartition(*place) for place in self._positions]

    def pause(self, partitions: Iterable[Any]) -> None:
        """See confluent_kafka."""
        self._paused |= {(at.topic, at.partition) for at in partitions}

    def resume(self, partitions: Iterable[Any]) -> None:
        """See confluent_kafka."""
        self._paused -= {(at.topic, at.partition) for at in partitions}

    def subscribe(self, topics: list[str], on_assign: Any, on_revoke: Any, on_lost: Any) -> None:
        """See confluent_kafka."""
        del on_lost
        self._topics, self._callbacks, self.rebalance = topics, (on_assign, on_revoke), True

    def consume(self, number: int, timeout: float) -> list[FakeMessage]:
        """See confluent_kafka."""
        self.hooks.effect("consume")
        self._rebalance()
        left, found = self.hooks.chunk(number), []
        for place, position in self._positions.items():
            if place in self._paused or left <= 0 or self._told.get(place) == position == self.broker.end(place):
                continue
            records, reached = self.broker.read(place, position, left)
            found += [FakeMessage(place, offset, entry) for offset, entry in records]
            left -= len(records)
            self._positions[place] = reached
            if left > 0 and reached == self.broker.stable(place) and self._told.get(place) != reached:
                self._told[place] = reached
                found.append(FakeMessage(place, reached, None, KafkaError(KafkaError._PARTITION_EOF)))
        if not found:
            self.hooks.waited(timeout)
        return found

    def commit(self, offsets: Sequence[Any], asynchronous: bool) -> list[Any]:
        """See confluent_kafka; a member of a former generation is refused."""
        del asynchronous
        self.hooks.effect("commit")
        if not self.current:
            raise error(KafkaError.ILLEGAL_GENERATION)
        self.broker.committed.update({(self.group, at.topic, at.partition): (at.offset, at.metadata) for at in offsets})
        self.hooks.acknowledged("commit")
        return [TopicPartition(at.topic, at.partition, at.offset) for at in offsets]

    def close(self) -> None:
        """See confluent_kafka."""

    def _rebalance(self) -> None:
        if not self.rebalance or self._callbacks is None:
            return
        self.rebalance = False
        on_assign, on_revoke = self._callbacks
        if self._positions:
            on_revoke(self, self.assignment())
        on_assign(self, [TopicPartition(topic, p) for topic in self._topics for p in range(self.broker.topics[topic])])


class FakeAdmin:
    """An administrative client."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def list_offsets(
        self, wanted: Mapping[Any, Any], isolation_level: IsolationLevel = IsolationLevel.READ_UNCOMMITTED, **_: Any
    ) -> dict[Any, Any]:
        """See confluent_kafka; only ends are asked for."""
        end_of = self._broker.stable if isolation_level == IsolationLevel.READ_COMMITTED else self._broker.end
        ends = {at: end_of((at.topic, at.partition)) for at in wanted}
        return {at: SimpleNamespace(result=lambda _timeout=0.0, end=end: SimpleNamespace(offset=end)) for at, end in ends.items()}

    def describe_topics(self, topics: Any, **_: Any) -> dict[str, Any]:
        """See confluent_kafka; no topic is ever made anew."""
        answer = SimpleNamespace(result=lambda _timeout: SimpleNamespace(topic_id="id"))
        return dict.fromkeys(topics.topic_names, answer)
